/** Connections to one origin, shared by all its calls. */
import type { ByteStream } from "../call/byte-stream.ts";
import type { Clock } from "../call/clock.ts";
import { CallError } from "../call/error.ts";
import type { Answer, Cancel, HttpRequest } from "../call/http.ts";
import { Code } from "../call/status.ts";
import { connectHttp2, type Defer, type Http2Client } from "../http2/index.ts";

/** An address of an origin. */
export interface Endpoint {
  /** Host name or IP address; IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
}

/** Opens a connection that is ready for HTTP/2. Rejects if it cannot. */
export type Dial = (endpoint: Endpoint) => Promise<ByteStream>;

export interface PoolOptions {
  readonly dial: Dial;
  readonly clock: Clock;
  /** When a tick's output goes out: see the HTTP/2 engine. */
  readonly defer: Defer;
  /** Milliseconds after which a connection without calls is closed. */
  readonly idleMs: number;
}

/** Connections to one origin at most: a Worker may have six being established at once. */
const maxConnections = 6;
/** Milliseconds a connection may take to open; Envoy's default. */
const connectMs = 5_000;
/** Calls that may wait while a connection opens: beyond it the origin is overwhelmed, not slow. */
const maxWaiting = 10_000;

interface Waiting {
  readonly request: HttpRequest;
  readonly answer: Answer;
  /** Set once the call was given to a connection. */
  cancel: Cancel | undefined;
}

export class Pool {
  readonly #endpoint: Endpoint;
  readonly #options: PoolOptions;
  readonly #clients = new Set<Http2Client>();
  readonly #waiting = new Set<Waiting>();
  #dialing = false;
  #closed = false;

  constructor(endpoint: Endpoint, options: PoolOptions) {
    this.#endpoint = endpoint;
    this.#options = options;
  }

  /** Sends `request` on a connection with room for it, opening one where there is none. A {@link Handler}. */
  readonly handle = (request: HttpRequest, answer: Answer): Cancel => {
    const client = this.#roomiest();
    if (client !== undefined && (client.capacity > 0 || this.#clients.size >= maxConnections)) {
      return client.handle(request, answer);
    }
    return this.#wait(request, answer);
  };

  /** Whether it has neither a connection nor a call that waits for one. */
  get idle(): boolean {
    return this.#clients.size === 0 && !this.#dialing;
  }

  /** Closes every connection, and ends their calls. Nothing may be sent any more. */
  close(): void {
    this.#closed = true;
    for (const client of this.#clients) client.close();
  }

  #roomiest(): Http2Client | undefined {
    let best: Http2Client | undefined;
    for (const client of this.#clients) if (best === undefined || client.capacity > best.capacity) best = client;
    return best;
  }

  #wait(request: HttpRequest, answer: Answer): Cancel {
    if (this.#waiting.size >= maxWaiting) {
      const error = this.#error(Code.RESOURCE_EXHAUSTED, `${maxWaiting} calls wait for a connection`);
      request.body.cancel(error);
      answer.fail(error);
      return () => {};
    }
    const waiting: Waiting = { request, answer, cancel: undefined };
    this.#waiting.add(waiting);
    if (!this.#dialing) this.#dial();
    return (reason) => {
      if (waiting.cancel !== undefined) waiting.cancel(reason);
      else if (this.#waiting.delete(waiting)) request.body.cancel(reason);
    };
  }

  #dial(): void {
    this.#dialing = true;
    let late = false;
    const stop = this.#options.clock.after(connectMs, () => {
      late = true;
      this.#dialed(`no connection within ${connectMs / 1000} s`);
    });
    this.#options.dial(this.#endpoint).then(
      (stream) => {
        stop();
        if (late || this.#closed) stream.destroy();
        if (!late) this.#dialed(this.#closed ? "the edge stops" : stream);
      },
      (error: unknown) => {
        stop();
        if (!late) this.#dialed(error instanceof Error ? error.message : String(error));
      },
    );
  }

  /** A connection is open, or `result` says why it is not. Either way nobody waits any longer than now. */
  #dialed(result: ByteStream | string): void {
    this.#dialing = false;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    if (typeof result === "string") {
      const error = this.#error(Code.UNAVAILABLE, `cannot connect: ${result}`);
      for (const { request, answer } of waiting) {
        request.body.cancel(error);
        answer.fail(error);
      }
      return;
    }
    this.#open(result);
    for (const call of waiting) call.cancel = this.handle(call.request, call.answer);
  }

  #open(stream: ByteStream): void {
    const { clock, defer, idleMs } = this.#options;
    const client: Http2Client = connectHttp2(stream, {
      clock,
      defer,
      lifetime: { idleMs },
      onDraining: () => this.#clients.delete(client),
      onClose: () => this.#clients.delete(client),
    });
    this.#clients.add(client);
  }

  #error(code: Code, message: string): CallError {
    const { host, port } = this.#endpoint;
    return new CallError(code, `${host}:${port}: ${message}`, { side: "origin", unprocessed: true });
  }
}
