/** The other end of a connection, played by a test: it sends frames and tells what came back. No I/O, no time. */
import type { ByteStream, ByteStreamEvents } from "../../call/byte-stream.ts";
import type { Clock } from "../../call/clock.ts";
import type { CallError } from "../../call/error.ts";
import { Fields } from "../../call/fields.ts";
import {
  type Answer,
  type Body,
  type BodySink,
  type Cancel,
  type Handler,
  type HttpRequest,
  type HttpResponse,
  noBody,
  type RequestHead,
} from "../../call/http.ts";
import {
  connectHttp2,
  type Http2Client,
  type Http2ClientOptions,
  type Http2Counters,
  type Http2Server,
  type Http2ServerOptions,
  newCounters,
  serveHttp2,
} from "../index.ts";
import { ascii, join, preface, settings, settingsAck, Transcript } from "./frames.ts";

/** Time that passes when the test says so. */
export class ManualClock implements Clock {
  #now = 0;
  readonly #timers = new Set<{ at: number; run: () => void }>();

  now(): number {
    return this.#now;
  }

  after(ms: number, run: () => void): () => void {
    const timer = { at: this.#now + ms, run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  advance(ms: number): void {
    const until = this.#now + ms;
    for (;;) {
      const due = [...this.#timers].filter(({ at }) => at <= until).toSorted((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.#now = Math.max(this.#now, due.at);
      this.#timers.delete(due);
      due.run();
    }
    this.#now = until;
  }

  get pending(): number {
    return this.#timers.size;
  }
}

/** The transport between the endpoint and the test. */
class Wire implements ByteStream {
  events: ByteStreamEvents | undefined;
  sent: Uint8Array[] = [];
  /** The test does not read: writes are taken, but no more are asked for. */
  backedUp = false;
  /** What it says to have moved; undefined: it cannot tell. */
  moved: number | undefined;
  ended = false;
  destroyed = false;

  open(events: ByteStreamEvents): void {
    this.events = events;
  }
  write(bytes: Uint8Array): boolean {
    this.sent.push(bytes);
    return !this.backedUp;
  }
  pause(): void {}
  resume(): void {}
  end(): void {
    this.ended = true;
  }
  destroy(): void {
    this.destroyed = true;
  }
}

/** A peer of an endpoint that writes through `wire` and has its output sent when the peer looks. */
export class Peer {
  readonly wire = new Wire();
  readonly clock = new ManualClock();
  readonly counters: Http2Counters = newCounters();
  readonly transcript = new Transcript();
  /** How the connection ended, once it did. */
  closedWith: CallError | undefined | "open" = "open";
  #flush: (() => void) | undefined;
  writes = 0;

  get options(): { clock: Clock; defer: (flush: () => void) => void; counters: Http2Counters } & {
    onClose: (error?: CallError) => void;
  } {
    return {
      clock: this.clock,
      counters: this.counters,
      defer: (flush) => (this.#flush = flush),
      onClose: (error) => (this.closedWith = error),
    };
  }

  /** Sends frames in one read, and lets the endpoint's tick end. */
  send(...frames: readonly Uint8Array[]): this {
    this.wire.events!.data(join(...frames));
    return this;
  }

  /** The same a byte at a time. */
  sendByteByByte(...frames: readonly Uint8Array[]): this {
    for (const byte of join(...frames)) this.wire.events!.data(Uint8Array.of(byte));
    return this;
  }

  /** What the endpoint sent since the last look, a line per frame. */
  received(): string[] {
    this.tick();
    const bytes = join(...this.wire.sent);
    this.writes += this.wire.sent.length;
    this.wire.sent = [];
    return this.transcript.read(bytes);
  }

  /** Lets the endpoint's deferred output go. */
  tick(): void {
    const flush = this.#flush;
    this.#flush = undefined;
    flush?.();
  }

  drain(): void {
    this.wire.backedUp = false;
    this.wire.events!.drain();
  }

  leave(error?: Error): void {
    this.wire.events!.close(error);
  }
}

/** A client under test, and its peer; SETTINGS are exchanged unless `greet` is false. */
export function clientUnderTest(
  options: Partial<Http2ClientOptions> & {
    greet?: boolean;
    peerSettings?: readonly (readonly [number, number])[];
  } = {},
): { peer: Peer; client: Http2Client } {
  const peer = new Peer();
  const client = connectHttp2(peer.wire, { ...peer.options, ...options });
  if (options.greet !== false) {
    peer.send(settings(...(options.peerSettings ?? [])), settingsAck);
    peer.received();
  }
  return { peer, client };
}

/** The same for a server. */
export function serverUnderTest(
  handler: Handler,
  options: Partial<Http2ServerOptions> & {
    greet?: boolean;
    peerSettings?: readonly (readonly [number, number])[];
  } = {},
): { peer: Peer; server: Http2Server } {
  const peer = new Peer();
  const server = serveHttp2(peer.wire, { ...peer.options, scheme: "http", handler, ...options });
  if (options.greet !== false) {
    peer.send(preface, settings(...(options.peerSettings ?? [])), settingsAck);
    peer.received();
  }
  return { peer, server };
}

/** A body that a test writes by hand. */
export class TestBody implements Body {
  sink: BodySink | undefined;
  credit = 0;
  cancelledWith: CallError | undefined;

  pipe(sink: BodySink): void {
    this.sink = sink;
  }
  consumed(bytes: number): void {
    this.credit += bytes;
  }
  cancel(error: CallError): void {
    this.cancelledWith ??= error;
  }
  write(bytes: string | Uint8Array): this {
    this.sink!.write(typeof bytes === "string" ? ascii(bytes) : bytes);
    return this;
  }
  end(trailers: Fields = Fields.empty): void {
    this.sink!.end(trailers);
  }
  fail(error: CallError): void {
    this.sink!.fail(error);
  }
}

/** A taker of a body, which consumes when told. */
export class TestSink implements BodySink {
  text = "";
  bytes = 0;
  pieces = 0;
  trailers: Fields | undefined;
  failure: CallError | undefined;

  write(bytes: Uint8Array): void {
    this.pieces++;
    this.bytes += bytes.length;
    if (this.bytes < 10_000) this.text += String.fromCharCode(...bytes);
  }
  end(trailers: Fields): void {
    this.trailers = trailers;
  }
  fail(error: CallError): void {
    this.failure = error;
  }
}

/** One request through a client under test, and all that became of it. */
export class TestCall implements Answer {
  response: HttpResponse | undefined;
  failure: CallError | undefined;
  readonly sink = new TestSink();
  readonly cancel: Cancel;

  constructor(client: Http2Client, { path = "/", method = "GET", body = noBody, fields = Fields.empty } = {}) {
    const head: RequestHead = { method, scheme: "http", authority: "test", path, fields };
    this.cancel = client.handle({ head, body }, this);
  }

  respond(response: HttpResponse): void {
    this.response = response;
    response.body.pipe(this.sink);
  }
  fail(error: CallError): void {
    this.failure = error;
  }
}

/** A handler that keeps its requests for the test to answer. */
export class TestHandler {
  readonly requests: { request: HttpRequest; answer: Answer; sink: TestSink; cancelledWith: CallError | undefined }[] =
    [];

  readonly handle: Handler = (request, answer) => {
    const entry = { request, answer, sink: new TestSink(), cancelledWith: undefined as CallError | undefined };
    this.requests.push(entry);
    return (reason) => (entry.cancelledWith = reason);
  };

  /** The request that came last. */
  get last(): TestHandler["requests"][number] {
    return this.requests.at(-1)!;
  }
}

export const okHead = { status: 200, fields: Fields.empty };

/** Answers each request with `text`. */
export function answering(text: string): Handler {
  return (_request, answer) => {
    const body: Body = {
      pipe(sink) {
        sink.write(ascii(text));
        sink.end(Fields.empty);
      },
      consumed() {},
      cancel() {},
    };
    answer.respond({ head: okHead, body });
    return () => {};
  };
}
