/** Connect's answers, as origins give them (connectrpc.com/docs/protocol, Unary-Response and Streaming-Response). */
import { CallError } from "../../call/error.ts";
import { Fields } from "../../call/fields.ts";
import type { Sink, Source } from "../../call/flow.ts";
import type { Body, HttpResponse } from "../../call/http.ts";
import type { RpcEnd, RpcResponse, RpcResponseHead } from "../../call/rpc.ts";
import { Code, codeFromHttp } from "../../call/status.ts";
import { type ConnectError, decodeConnectError, decodeEndStream } from "../../wire/connect-json.ts";
import { Flag } from "../../wire/envelope.ts";
import { Gatherer } from "../../wire/gather.ts";
import { type Compression, type Compressions, expansionLimit } from "../compression.ts";
import { essence } from "../content-type.ts";
import { EndFromBody } from "../end-from-body.ts";
import { onlyFailure } from "../end.ts";
import { responseMetadata, trailersInBody } from "../fields.ts";
import { refusal } from "../grpc/decode.ts";
import { maxEndBytes } from "../limits.ts";
import { contentLengthOf, frameMessage } from "./decode.ts";

/** The answer to a call that is a stream. What is none of Connect's becomes an answer that fails. */
export function decodeStream({ head, body }: HttpResponse, codec: string, compressions: Compressions): RpcResponse {
  const { fields } = head;
  const error = refusal(head, "application/connect", codec);
  if (error !== undefined) {
    body.cancel(error);
    return onlyFailure(error);
  }
  const encoding = fields.get("connect-content-encoding") ?? "identity";
  const ending = { flag: Flag.END_STREAM, compression: compressions.get(encoding), read: readEnd, early: undefined };
  return {
    head: {
      codec,
      encoding,
      acceptEncoding: fields.joined("connect-accept-encoding"),
      metadata: responseMetadata(fields),
    },
    messages: new EndFromBody(body, ending),
  };
}

function readEnd(frame: Uint8Array): RpcEnd | undefined {
  const end = decodeEndStream(frame);
  return end && endOfStream(end.error, trailersInBody(end.metadata));
}

function endOfStream(error: ConnectError | undefined, metadata: Fields): RpcEnd {
  if (error === undefined) return { code: Code.OK, message: "", details: undefined, metadata };
  return { ...error, code: error.code ?? Code.UNKNOWN, metadata };
}

/** The answer to a unary call: its body is the message, or an error in JSON. Like {@link decodeStream}. */
export function decodeUnaryAnswer(response: HttpResponse, codec: string, compressions: Compressions): RpcResponse {
  const { head, body } = response;
  const type = essence(head.fields.get("content-type") ?? "");
  const encoding = head.fields.get("content-encoding") || "identity";
  const [metadata, trailers] = splitTrailers(head.fields);
  const common = { codec, encoding, acceptEncoding: head.fields.joined("accept-encoding"), metadata };
  if (head.status !== 200) {
    const unsaid = new CallError(codeFromHttp(head.status), `HTTP status ${head.status}`, { side: "origin" });
    if (type === "application/json") return failed(body, common, { unsaid, trailers }, compressions.get(encoding));
    body.cancel(unsaid);
    return onlyFailure(unsaid);
  }
  if (type !== `application/${codec}`) {
    const known = type === "application/proto" || type === "application/json";
    const message = `asked for application/${codec}, answered with "${type}"`;
    const error = new CallError(known ? Code.INTERNAL : Code.UNKNOWN, message, { side: "origin" });
    body.cancel(error);
    return onlyFailure(error);
  }
  const as = {
    compressed: encoding !== "identity",
    contentLength: contentLengthOf(head.fields),
    side: "origin",
  } as const;
  const end: RpcEnd = { code: Code.OK, message: "", details: undefined, metadata: trailers };
  return { head: common, messages: endingWith(frameMessage(body, as), end) };
}

/** A unary call's trailers are header fields whose names begin with "trailer-". */
function splitTrailers(fields: Fields): [metadata: Fields, trailers: Fields] {
  const prefix = "trailer-";
  const headers: string[] = [];
  const trailers: string[] = [];
  for (const [name, value] of responseMetadata(fields)) {
    if (name.startsWith(prefix)) trailers.push(name.slice(prefix.length), value);
    else headers.push(name, value);
  }
  return [new Fields(headers, fields.neverIndexed), trailersInBody(new Fields(trailers))];
}

function endingWith(messages: Body, end: RpcEnd): Source<RpcEnd> {
  return {
    pipe: (sink) =>
      messages.pipe({
        write: (bytes) => sink.write(bytes),
        end: () => sink.end(end),
        fail: (error) => sink.fail(error),
      }),
    consumed: (bytes) => messages.consumed(bytes),
    cancel: (error) => messages.cancel(error),
  };
}

interface Failure {
  /** What the HTTP status stands for, if the body says no more. */
  readonly unsaid: CallError;
  readonly trailers: Fields;
}

function failed(
  body: Body,
  head: RpcResponseHead,
  failure: Failure,
  compression: Compression | undefined,
): RpcResponse {
  const messages: Source<RpcEnd> = {
    pipe: (sink) => body.pipe(new ErrorBody(body, head, failure, compression, sink)),
    consumed() {},
    cancel: (error) => body.cancel(error),
  };
  return { head: { ...head, encoding: "identity" }, messages };
}

/** Waits for a whole error. */
class ErrorBody implements Sink<Fields> {
  readonly #body: Body;
  readonly #head: RpcResponseHead;
  readonly #failure: Failure;
  readonly #compression: Compression | undefined;
  readonly #sink: Sink<RpcEnd>;
  readonly #error = new Gatherer();
  #over = false;

  constructor(
    body: Body,
    head: RpcResponseHead,
    failure: Failure,
    compression: Compression | undefined,
    sink: Sink<RpcEnd>,
  ) {
    this.#body = body;
    this.#head = head;
    this.#failure = failure;
    this.#compression = compression;
    this.#sink = sink;
  }

  write(bytes: Uint8Array): void {
    if (this.#over) return;
    if (this.#error.length + bytes.length > maxEndBytes) {
      this.#body.cancel(this.#failure.unsaid);
      return this.#end(undefined);
    }
    this.#error.add(bytes);
    this.#body.consumed(bytes.length);
  }

  end(): void {
    const bytes = this.#error.take();
    if (this.#head.encoding === "identity" || bytes.length === 0) return this.#end(bytes);
    if (this.#compression === undefined) return this.#end(undefined);
    this.#compression.decompress(bytes, expansionLimit(bytes.length, maxEndBytes)).then(
      (plain) => this.#end(plain),
      () => this.#end(undefined),
    );
  }

  /** The status says enough. */
  fail(): void {
    this.#end(undefined);
  }

  #end(bytes: Uint8Array | undefined): void {
    if (this.#over) return;
    this.#over = true;
    const { unsaid, trailers } = this.#failure;
    const error = bytes && decodeConnectError(bytes);
    if (error === undefined) return this.#sink.fail(unsaid);
    this.#sink.end({ ...error, code: error.code ?? unsaid.code, metadata: trailers });
  }
}
