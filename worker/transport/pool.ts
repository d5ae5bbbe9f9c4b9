/** Connections to one origin, shared by all its calls. */
import type { ByteStream } from "../call/byte-stream.ts";
import type { Clock } from "../call/clock.ts";
import { CallError } from "../call/error.ts";
import type { Answer, Cancel, HttpRequest } from "../call/http.ts";
import { Code } from "../call/status.ts";
import { connectHttp1 } from "../http1/connection.ts";
import { connectHttp2, type Defer } from "../http2/index.ts";

/** An address of an origin. */
export interface Endpoint {
  /** Host name or IP address; IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  /** What it speaks. */
  readonly protocol: "http1" | "http2";
}

/** Opens a connection to an endpoint, in which its protocol can begin. Rejects if it cannot. */
export type Dial = (endpoint: Endpoint) => Promise<ByteStream>;

export interface PoolOptions {
  readonly dial: Dial;
  readonly clock: Clock;
  /** When a tick's output goes out: see the HTTP/2 engine. */
  readonly defer: Defer;
  /** Milliseconds after which a connection without calls is closed. */
  readonly idleMs: number;
}

/** What a pool needs of a connection. */
interface Client {
  readonly handle: (request: HttpRequest, answer: Answer) => Cancel;
  /** Calls that would be sent at once. */
  readonly capacity: number;
  close(): void;
}

interface Limits {
  /** Connections to one origin at most. */
  readonly connections: number;
  /** Calls that wait for which one more connection is opened. */
  readonly callsPerDial: number;
  /** An idle connection is closed no later than this, milliseconds. */
  readonly idleMs: number;
}

const limits: Readonly<Record<Endpoint["protocol"], Limits>> = {
  // Servers close idle connections without a word, most after 5 s or later: a request must not cross that.
  http1: { connections: 256, callsPerDial: 1, idleMs: 4_000 },
  http2: { connections: 6, callsPerDial: Infinity, idleMs: Infinity },
};

/** Connections being opened at once: a Worker may have no more. */
const maxDialing = 6;
/** Milliseconds a connection may take to open; Envoy's default. */
const connectMs = 5_000;
/** Calls that may wait for a connection: beyond it the origin is overwhelmed, not slow. */
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
  readonly #limits: Limits;
  readonly #clients = new Set<Client>();
  /** In the order in which they came. */
  readonly #waiting = new Set<Waiting>();
  #dialing = 0;
  #closed = false;

  constructor(endpoint: Endpoint, options: PoolOptions) {
    this.#endpoint = endpoint;
    this.#options = options;
    this.#limits = limits[endpoint.protocol];
  }

  /** Sends `request` on a connection with room for it, or once there is one. A {@link Handler}. */
  readonly handle = (request: HttpRequest, answer: Answer): Cancel => {
    const client = this.#waiting.size === 0 ? this.#roomiest() : undefined;
    return client === undefined ? this.#wait(request, answer) : client.handle(request, answer);
  };

  /** Whether it has neither a connection nor a call that waits for one. */
  get idle(): boolean {
    return this.#clients.size === 0 && this.#dialing === 0;
  }

  /** Closes every connection, and ends their calls. Nothing may be sent any more. */
  close(): void {
    this.#closed = true;
    this.#failWaiting(Code.UNAVAILABLE, "the edge stops");
    for (const client of this.#clients) client.close();
  }

  #roomiest(): Client | undefined {
    let best: Client | undefined;
    for (const client of this.#clients) if (client.capacity > (best?.capacity ?? 0)) best = client;
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
    this.#dialMore();
    return (reason) => {
      if (waiting.cancel !== undefined) waiting.cancel(reason);
      else if (this.#waiting.delete(waiting)) request.body.cancel(reason);
    };
  }

  #dialMore(): void {
    const { connections, callsPerDial } = this.#limits;
    const wanted = Math.min(Math.ceil(this.#waiting.size / callsPerDial) || 1, maxDialing);
    while (this.#dialing < wanted && this.#clients.size + this.#dialing < connections) this.#dial();
  }

  #dial(): void {
    this.#dialing++;
    let late = false;
    const stop = this.#options.clock.after(connectMs, () => {
      late = true;
      this.#notDialed(`no connection within ${connectMs / 1000} s`);
    });
    this.#options.dial(this.#endpoint).then(
      (stream) => {
        stop();
        if (late || this.#closed) return stream.destroy();
        this.#dialing--;
        this.#open(stream);
        this.#serveWaiting();
      },
      (error: unknown) => {
        stop();
        if (!late) this.#notDialed(error instanceof Error ? error.message : String(error));
      },
    );
  }

  /** Nobody waits for a connection that cannot be had; for one that is busy they may. */
  #notDialed(reason: string): void {
    this.#dialing--;
    if (this.#clients.size === 0) this.#failWaiting(Code.UNAVAILABLE, `cannot connect: ${reason}`);
  }

  #failWaiting(code: Code, reason: string): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    const error = this.#error(code, reason);
    for (const { request, answer } of waiting) {
      request.body.cancel(error);
      answer.fail(error);
    }
  }

  #open(stream: ByteStream): void {
    const { clock, defer } = this.#options;
    const idleMs = Math.min(this.#options.idleMs, this.#limits.idleMs);
    const gone = () => {
      this.#clients.delete(client);
      if (this.#waiting.size > 0 && !this.#closed) this.#dialMore();
    };
    const onCapacity = () => this.#serveWaiting();
    const client: Client =
      this.#endpoint.protocol === "http1"
        ? connectHttp1(stream, { clock, idleMs, onCapacity, onClose: gone })
        : connectHttp2(stream, { clock, defer, lifetime: { idleMs }, onCapacity, onDraining: gone, onClose: gone });
    this.#clients.add(client);
  }

  #serveWaiting(): void {
    for (const call of this.#waiting) {
      const client = this.#roomiest();
      if (client === undefined) return this.#dialMore();
      this.#waiting.delete(call);
      call.cancel = client.handle(call.request, call.answer);
    }
  }

  #error(code: Code, message: string): CallError {
    const { host, port } = this.#endpoint;
    return new CallError(code, `${host}:${port}: ${message}`, { side: "origin", unprocessed: true });
  }
}
