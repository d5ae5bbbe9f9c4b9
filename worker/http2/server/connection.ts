/** The server role: the peer's streams become requests to a handler. */
import type { CallError } from "../../call/error.ts";
import { Fields } from "../../call/fields.ts";
import { type Handler, noBody, type RequestHead, type ResponseHead } from "../../call/http.ts";
import { Code } from "../../call/status.ts";
import { Connection } from "../connection.ts";
import type { Setup } from "../endpoint.ts";
import { ConnectionError, ErrorCode, StreamError } from "../error.ts";
import { maxStreamId, preface } from "../frame/frame.ts";
import type { GoAway } from "../frame/goaway.ts";
import { SettingId } from "../frame/settings.ts";
import type { ParsedRequest } from "../message/parse.ts";
import type { MessageReader } from "../message/read.ts";
import type { MessageWriter } from "../message/write.ts";
import { ServerExchange, type ServerOwner } from "./exchange.ts";

/** Answer to a request whose header list is over the limit (RFC 6585 section 5). */
const headerListTooLarge: ResponseHead = { status: 431, fields: Fields.from([["content-length", "0"]]) };
/** The same to a gRPC call: Trailers-Only (grpc/doc/PROTOCOL-HTTP2.md). */
const metadataTooLarge: ResponseHead = {
  status: 200,
  fields: Fields.from([
    ["content-type", "application/grpc"],
    ["grpc-status", String(Code.RESOURCE_EXHAUSTED)],
    ["grpc-message", "the call's metadata is larger than the edge takes"],
  ]),
};
const grpcType = /^application\/grpc($|[+;])/;

export class ServerConnection extends Connection<ServerExchange> implements ServerOwner {
  readonly peer = "caller";
  protected readonly smallDataPerFrame = 1;
  readonly #scheme: RequestHead["scheme"];
  readonly #handler: Handler;
  #prefaceAt = 0;
  #lastId = 0;
  #answered = 0;
  #draining = false;
  /** Streams above it are refused: what the final GOAWAY said. */
  #lastTaken = maxStreamId;

  constructor(setup: Setup, scheme: RequestHead["scheme"], handler: Handler) {
    super(setup);
    this.#scheme = scheme;
    this.#handler = handler;
  }

  /** Sends the settings. Call once, first. */
  start(): void {
    this.begin([
      [SettingId.MAX_CONCURRENT_STREAMS, this.limits.maxConcurrentStreams],
      [SettingId.INITIAL_WINDOW_SIZE, this.limits.initialStreamWindow],
      [SettingId.MAX_HEADER_LIST_SIZE, this.limits.maxHeaderListBytes],
    ]);
  }

  override receive(bytes: Uint8Array, at = 0): void {
    for (; this.#prefaceAt < preface.length && at < bytes.length; at++) {
      if (bytes[at] !== preface.charCodeAt(this.#prefaceAt++)) {
        this.breakDown(new ConnectionError(ErrorCode.PROTOCOL_ERROR, "no HTTP/2 preface"));
        return;
      }
    }
    super.receive(bytes, at);
  }

  get messages(): MessageReader {
    return this.reading;
  }

  get writer(): MessageWriter {
    return this.writing;
  }

  sendHead(streamId: number, endStream: boolean): void {
    this.sendBlock(streamId, endStream);
  }

  /** No new streams: first a GOAWAY that lets those under way still come, then, a round trip later, the one that counts. */
  drain(): void {
    if (this.#draining || this.closed) return;
    this.#draining = true;
    this.sendGoAway(maxStreamId, ErrorCode.NO_ERROR, "");
    this.ping(() => {
      this.#lastTaken = this.#lastId;
      this.sendGoAway(this.#lastId, ErrorCode.NO_ERROR, "");
      this.#finishIfIdle();
    });
  }

  #finishIfIdle(): void {
    if (this.#lastTaken < maxStreamId && this.streams.size === 0) this.finish(undefined);
  }

  protected get lastPeerStream(): number {
    return this.#lastId;
  }

  protected isIdle(streamId: number): boolean {
    return streamId > this.#lastId || streamId % 2 === 0;
  }

  protected onNewStream(streamId: number, bytes: Uint8Array, start: number, end: number, endStream: boolean): void {
    if (streamId % 2 === 0)
      throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "a client's stream with an even number");
    this.#lastId = streamId;
    if (streamId > this.#lastTaken) return this.#refuse(streamId, bytes, start, end);
    if (this.streams.size >= this.limits.maxConcurrentStreams) {
      // One that has not read our SETTINGS yet cannot know better: this is the more generous budget.
      this.abuse.count("maxConcurrentStreams");
      this.abuse.spend("resetBurst", this.#answered);
      return this.#refuse(streamId, bytes, start, end);
    }
    const parsed = this.reading.request(bytes, start, end, this.#scheme);
    if (parsed.kind === "malformed") throw new StreamError(ErrorCode.PROTOCOL_ERROR, parsed.why);
    if (parsed.kind === "oversize") return this.#answerOversize(streamId, endStream, parsed.contentType);
    this.#open(streamId, parsed, endStream);
  }

  protected onStreamUsed(streamId: number): void {
    if (streamId % 2 === 0)
      throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "a client's stream with an even number");
    this.#lastId = streamId;
  }

  #open(streamId: number, { head, contentLength }: ParsedRequest, endStream: boolean): void {
    if (endStream && contentLength > 0) {
      throw new StreamError(ErrorCode.PROTOCOL_ERROR, "less DATA than content-length says");
    }
    const exchange = new ServerExchange(this, streamId, endStream, head.method === "HEAD");
    if (contentLength >= 0) exchange.expectLength(contentLength);
    this.streams.add(exchange);
    try {
      exchange.handledBy(this.#handler({ head, body: endStream ? noBody : exchange }, exchange));
    } catch (error) {
      exchange.abortFor(error);
    }
  }

  #refuse(streamId: number, bytes: Uint8Array, start: number, end: number): void {
    this.reading.skip(bytes, start, end);
    this.sendReset(streamId, ErrorCode.REFUSED_STREAM);
  }

  #answerOversize(streamId: number, endStream: boolean, contentType = ""): void {
    this.abuse.count("maxHeaderListBytes");
    this.onProvokedReset();
    this.writing.response(grpcType.test(contentType) ? metadataTooLarge : headerListTooLarge);
    this.sendBlock(streamId, true);
    if (!endStream) this.sendReset(streamId, ErrorCode.NO_ERROR);
  }

  /** A client that sees its answers through may cancel as many: one that only cancels is an attack. */
  protected onReset(): void {
    this.abuse.spend("resetBurst", this.#answered);
  }

  protected onProvokedReset(): void {
    this.abuse.spend("provokedResetBurst", this.#answered);
  }

  /** An answer was sent in full. */
  answered(): void {
    this.#answered++;
  }

  protected onSetting(): void {}

  protected onSettingsApplied(): void {}

  protected onPeerGoAway(_goAway: GoAway): void {
    this.#draining = true;
    this.#lastTaken = this.#lastId;
    this.#finishIfIdle();
  }

  protected onStreamLeft(): void {
    this.#finishIfIdle();
  }

  protected onFinished(_error: CallError): void {}
}
