/** The client role: requests become streams, at the pace that the peer's MAX_CONCURRENT_STREAMS allows. */
import { CallError } from "../../call/error.ts";
import { type Answer, type Cancel, type HttpRequest, noBody } from "../../call/http.ts";
import { Code } from "../../call/status.ts";
import { Connection } from "../connection.ts";
import type { Setup } from "../endpoint.ts";
import { ConnectionError, ErrorCode, errorCodeName } from "../error.ts";
import { maxStreamId, preface } from "../frame/frame.ts";
import type { GoAway } from "../frame/goaway.ts";
import { SettingId } from "../frame/settings.ts";
import type { MessageReader } from "../message/read.ts";
import { writeLatin1 } from "../../call/octets.ts";
import { ClientExchange, type ClientOwner } from "./exchange.ts";

/** Streams opened before the peer's SETTINGS say how many it takes (section 6.5.2 advises no fewer). */
const presumedConcurrency = 100;

export interface ClientEvents {
  /** The peer, or `drain`, wants no new requests here; those begun go on. Called once. */
  draining(): void;
  /** A stream ended, or the peer's limit changed: there may be room. */
  room(): void;
}

export class ClientConnection extends Connection<ClientExchange> implements ClientOwner {
  readonly peer = "origin";
  /** Servers may write answers in small pieces, many to a request. */
  protected readonly smallDataPerFrame = 64;
  draining = false;
  readonly #events: ClientEvents;
  /** In order; those that were withdrawn are gone. */
  readonly #queue = new Set<QueuedRequest>();
  #nextId = 1;
  #peerConcurrency = presumedConcurrency;
  /** Why the origin goes away, if it said so with an error. */
  #complaint: string | undefined;

  constructor(setup: Setup, events: ClientEvents) {
    super(setup);
    this.#events = events;
  }

  /** Sends the preface. Call once, first. */
  start(): void {
    this.output.raw(preface.length);
    this.output.at = writeLatin1(preface, this.output.bytes, this.output.at);
    this.begin([
      [SettingId.ENABLE_PUSH, 0],
      [SettingId.INITIAL_WINDOW_SIZE, this.limits.initialStreamWindow],
      [SettingId.MAX_HEADER_LIST_SIZE, this.limits.maxHeaderListBytes],
    ]);
  }

  get messages(): MessageReader {
    return this.reading;
  }

  /** Requests that wait for room. */
  get queued(): number {
    return this.#queue.size;
  }

  /** Requests that would be sent at once. */
  get capacity(): number {
    if (this.draining || this.closed) return 0;
    // Answers that nobody reads have taken the window that all share: one more would wait behind them.
    if (this.receiving.connection.available < this.limits.initialStreamWindow) return 0;
    return Math.max(0, this.#peerConcurrency - this.streams.size - this.#queue.size);
  }

  /**
   * Sends `request`, or queues it. Once the returned function was called, neither `answer` nor the sink of its response's
   * body hears anything.
   */
  request(request: HttpRequest, answer: Answer): Cancel {
    if (this.draining || this.closed) {
      refuse(request, answer, "the connection takes no new requests");
      return noCancel;
    }
    if (this.#queue.size === 0 && this.streams.size < this.#peerConcurrency) return this.#open(request, answer);
    if (this.#queue.size >= this.limits.maxQueuedRequests) {
      this.abuse.count("maxQueuedRequests");
      refuse(request, answer, "too many requests wait for the connection");
      return noCancel;
    }
    const queued = new QueuedRequest(request, answer);
    this.#queue.add(queued);
    return (reason) => {
      if (this.#queue.delete(queued)) request.body.cancel(reason);
      else queued.cancel?.(reason);
    };
  }

  #open(request: HttpRequest, answer: Answer): Cancel {
    const id = this.#nextId;
    const { body } = request;
    try {
      this.writing.request(request.head);
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      body.cancel(error);
      answer.fail(error);
      return noCancel;
    }
    this.#nextId += 2;
    const exchange = new ClientExchange(this, id, request, answer);
    this.streams.add(exchange);
    this.sendBlock(id, body === noBody);
    if (id >= maxStreamId - 1) this.drain();
    if (body !== noBody) exchange.sendBody(body);
    return (reason) => exchange.withdraw(reason);
  }

  override giveConnectionWindow(bytes: number): void {
    const { connection } = this.receiving;
    const before = connection.available;
    super.giveConnectionWindow(bytes);
    if (connection.available > before) this.#events.room();
  }

  #openQueued(): void {
    if (this.#queue.size === 0) return;
    for (const queued of this.#queue) {
      if (this.streams.size >= this.#peerConcurrency || this.closed) return;
      this.#queue.delete(queued);
      queued.cancel = this.#open(queued.request, queued.answer);
    }
  }

  /** The connection is lost if no answer to a PING comes within `ms`. */
  probe(ms: number, alive: () => void): void {
    if (!this.closed) this.life.probe(ms, alive);
  }

  /** No new requests: those begun are finished, then the connection is. */
  drain(): void {
    if (this.draining || this.closed) return;
    this.draining = true;
    this.#refuseQueued("the connection takes no new requests");
    this.#events.draining();
    this.#finishIfIdle();
  }

  #finishIfIdle(): void {
    if (!this.draining || this.streams.size > 0 || this.closed) return;
    this.sendGoAway(0, ErrorCode.NO_ERROR, "");
    this.finish(undefined);
  }

  #refuseQueued(why: string): void {
    for (const { request, answer } of this.#queue) refuse(request, answer, why);
    this.#queue.clear();
  }

  protected get lastPeerStream(): number {
    return 0;
  }

  protected isIdle(streamId: number): boolean {
    return streamId >= this.#nextId || streamId % 2 === 0;
  }

  protected onNewStream(): void {
    throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "HEADERS on a stream that the client did not open");
  }

  protected onStreamUsed(): void {
    this.onNewStream();
  }

  /** Each costs a request of ours: no peer can make more of them than we do. */
  protected onReset(): void {}

  /** So does each of these that ends a stream; others have no effect. */
  protected onProvokedReset(stream: ClientExchange | undefined): void {
    if (stream === undefined) this.spendOnIdle();
  }

  protected onSetting(id: number, value: number): void {
    if (id === SettingId.MAX_CONCURRENT_STREAMS) this.#peerConcurrency = value;
    else if (id === SettingId.ENABLE_PUSH && value !== 0) {
      throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "ENABLE_PUSH of a server");
    }
  }

  protected onSettingsApplied(): void {
    this.#openQueued();
    this.#events.room();
  }

  protected onPeerGoAway({ lastStreamId, code, debug }: GoAway): void {
    const why = `the origin is going away with ${errorCodeName(code)}${debug === "" ? "" : `: ${debug}`}`;
    const error = new CallError(Code.UNAVAILABLE, why, { side: "origin", unprocessed: true });
    if (code !== ErrorCode.NO_ERROR) this.#complaint = why;
    this.drain();
    for (const exchange of this.streams.values()) if (exchange.id > lastStreamId) exchange.breakOff(error);
  }

  /** An origin that complained closes the connection next: the complaint is what calls under way should hear. */
  override lost(error?: Error): void {
    if (this.#complaint === undefined) return super.lost(error);
    this.finish(new CallError(Code.UNAVAILABLE, this.#complaint, { side: "origin", cause: error }));
  }

  protected onStreamLeft(): void {
    this.#openQueued();
    if (this.draining) this.#finishIfIdle();
    else this.#events.room();
  }

  protected onFinished(error: CallError): void {
    this.draining = true;
    this.#refuseQueued(error.message);
  }
}

/** A request that waits for room. */
class QueuedRequest {
  readonly request: HttpRequest;
  readonly answer: Answer;
  /** Set once it was sent. */
  cancel: Cancel | undefined;

  constructor(request: HttpRequest, answer: Answer) {
    this.request = request;
    this.answer = answer;
  }
}

function noCancel(): void {}

function refuse(request: HttpRequest, answer: Answer, why: string): void {
  const error = new CallError(Code.UNAVAILABLE, why, { side: "edge", unprocessed: true });
  request.body.cancel(error);
  answer.fail(error);
}
