/** Connections to one endpoint, shared by all its calls. */
import type { Backend } from "../../routes/model.ts";
import type { OriginTls } from "../../routes/policies.ts";
import type { ByteStream } from "../call/byte-stream.ts";
import type { Clock } from "../call/clock.ts";
import { CallError } from "../call/error.ts";
import type { Answer, Cancel, HttpRequest } from "../call/http.ts";
import { Code } from "../call/status.ts";
import { connectHttp1 } from "../http1/connection.ts";
import { connectHttp2, type Defer, type Http2Counters } from "../http2/index.ts";
import { type Probed, Reach } from "./reach.ts";

/** An address of an origin, and how connections to it are made. */
export interface Endpoint {
  /** Host name or IP address; IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  /** What its certificate must be, and the edge's own. Undefined: as the host has it. */
  readonly originTls: OriginTls | undefined;
  /** What it speaks. */
  readonly protocol: "http1" | "http2";
  /** How a host with more ways than one reaches it. Undefined: by a connection of its own. */
  readonly transport?: Backend["transport"];
  /** Milliseconds a connection may take to open. */
  readonly connectTimeoutMs: number;
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
  /** Where passed limits of HTTP/2 are counted. Undefined: nowhere. */
  readonly http2?: Http2Counters | undefined;
  /** Whether its backend may have one more connection. */
  readonly mayDial: () => boolean;
  /** {@link Pool.reachable} changed. */
  readonly onReach: () => void;
}

/** What a pool needs of a connection. */
interface Client extends Probed {
  readonly handle: (request: HttpRequest, answer: Answer) => Cancel;
  /** Calls that would be sent at once. */
  readonly capacity: number;
  /** Calls under way. */
  readonly activeStreams: number;
  close(): void;
}

/** No connection could be had for a call: nothing of it has left the edge. */
export class Unconnected extends CallError {}

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

/**
 * Callers share the connection: the answers of those who read slowly, a stream's window each, must not take the window of
 * all. Beyond 64 MB of them it takes no more calls, and another one is opened.
 */
const sharedLimits = { initialConnectionWindow: 67_108_864, maxConnectionWindow: 67_108_864 };

/**
 * An origin that says nothing for this long while calls are under way is asked whether it is still there, milliseconds.
 * gRPC servers end connections that ask more often than every five minutes, unless they are told otherwise.
 */
const keepaliveMs = 300_000;

/** Connections being opened at once: a Worker may have no more. */
const maxDialing = 6;
/** Calls that may wait for a connection: beyond it the origin is overwhelmed, not slow. */
const maxWaiting = 10_000;

interface Waiting {
  readonly request: HttpRequest;
  readonly answer: Answer;
  /** The last connection, by its number, whose opening it waits for: all, until one could not be had. */
  lastDial: number;
  /** Set once the call was given to a connection. */
  cancel: Cancel | undefined;
}

export class Pool {
  readonly #endpoint: Endpoint;
  readonly #options: PoolOptions;
  readonly #limits: Limits;
  /** Those that take calls. */
  readonly #clients = new Set<Client>();
  /** Those that take no more, and have calls that go on. */
  readonly #draining = new Set<Client>();
  /** In the order in which they came. */
  readonly #waiting = new Set<Waiting>();
  readonly #reach: Reach;
  /** Connections that are being opened, by their numbers, in order. */
  readonly #dialing = new Set<number>();
  #lastDial = 0;
  #state: "open" | "retired" | "closed" = "open";

  constructor(endpoint: Endpoint, options: PoolOptions) {
    this.#endpoint = endpoint;
    this.#options = options;
    this.#limits = limits[endpoint.protocol];
    this.#reach = new Reach(options.clock, options.onReach);
  }

  /** Sends `request` on a connection with room for it, or once there is one. A {@link Handler}. */
  readonly handle = (request: HttpRequest, answer: Answer): Cancel => {
    const client = this.#waiting.size === 0 ? this.#roomiest() : undefined;
    return client === undefined ? this.#wait(request, answer) : client.handle(request, answer);
  };

  /** Whether it has neither a connection nor a call that waits for one. */
  get idle(): boolean {
    return this.connections === 0;
  }

  /** Calls under way, those among them that wait for a connection. */
  get load(): number {
    let calls = this.#waiting.size;
    for (const client of this.#clients) calls += client.activeStreams;
    if (this.#draining.size > 0) for (const client of this.#draining) calls += client.activeStreams;
    return calls;
  }

  /** Calls that wait for a connection. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Connections, those among them that are being opened, and those that take no more calls. */
  get connections(): number {
    return this.usable + this.#draining.size;
  }

  /** Connections that take calls, or will once they are open. */
  get usable(): number {
    return this.#clients.size + this.#dialing.size;
  }

  /** Whether a call would be sent at once. */
  get ready(): boolean {
    return this.#waiting.size === 0 && this.#roomiest() !== undefined;
  }

  /** Whether connections can be had, as far as is known. */
  get reachable(): boolean {
    return this.#reach.good;
  }

  /** When it should be tried again where it is not reachable. */
  get retryAt(): number {
    return this.#reach.retryAt;
  }

  /** Opens a connection that no call waits for: so that none need be lost to find out that one can be had again. */
  tryAgain(): void {
    if (this.#state === "open" && this.#dialing.size === 0 && this.#options.mayDial()) this.#dial();
  }

  /** A call got no answer in time: connections whose peer is gone without a word have to be found out. */
  doubt(): void {
    this.#reach.doubt([...this.#clients, ...this.#draining]);
  }

  /** Takes no more calls, and closes its connections as theirs end. */
  retire(): void {
    if (this.#state !== "open") return;
    this.#state = "retired";
    this.#failWaiting(Code.UNAVAILABLE, "the endpoint is gone");
    for (const client of this.#clients) this.#closeIfIdle(client);
  }

  /** Closes every connection, and ends their calls. Nothing may be sent any more. */
  close(): void {
    this.#state = "closed";
    this.#failWaiting(Code.UNAVAILABLE, "the edge stops");
    for (const client of [...this.#clients, ...this.#draining]) client.close();
  }

  #closeIfIdle(client: Client): void {
    if (client.activeStreams === 0) client.close();
  }

  #roomiest(): Client | undefined {
    let best: Client | undefined;
    for (const client of this.#clients) if (client.capacity > (best?.capacity ?? 0)) best = client;
    return best;
  }

  #wait(request: HttpRequest, answer: Answer): Cancel {
    if (this.#waiting.size >= maxWaiting) {
      return refuse(request, answer, this.#error(Code.RESOURCE_EXHAUSTED, `${maxWaiting} calls wait for a connection`));
    }
    if (this.#state !== "open" || (this.usable === 0 && !this.#options.mayDial())) {
      return refuse(request, answer, this.#error(Code.UNAVAILABLE, "no more connections may be opened"));
    }
    const waiting: Waiting = { request, answer, lastDial: Infinity, cancel: undefined };
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
    while (this.#dialing.size < wanted && this.usable < connections && this.#options.mayDial()) this.#dial();
  }

  /** A connection takes no more calls: those that waited for room on it wait for another. */
  #dialAgain(): void {
    if (this.#waiting.size === 0 || this.#state !== "open") return;
    for (const waiting of this.#waiting) waiting.lastDial = Infinity;
    this.#dialMore();
  }

  #dial(): void {
    const dial = ++this.#lastDial;
    this.#dialing.add(dial);
    let late = false;
    const { connectTimeoutMs } = this.#endpoint;
    const stop = this.#options.clock.after(connectTimeoutMs, () => {
      late = true;
      this.#notDialed(dial, `no connection within ${connectTimeoutMs / 1000} s`);
    });
    this.#options.dial(this.#endpoint).then(
      (stream) => {
        stop();
        if (late || this.#state === "closed") return stream.destroy();
        this.#dialing.delete(dial);
        if (this.#state === "retired") return stream.destroy();
        this.#open(stream);
        this.#serveWaiting();
      },
      (error: unknown) => {
        stop();
        if (!late) this.#notDialed(dial, error instanceof Error ? error.message : String(error));
      },
    );
  }

  /**
   * Nobody waits for a connection that cannot be had; for one that is busy they may, and for others that are being opened
   * now. For those begun later they do not: while calls keep coming, there is always one.
   */
  #notDialed(dial: number, reason: string): void {
    this.#dialing.delete(dial);
    if (this.#clients.size > 0) return;
    const [oldest] = this.#dialing;
    const [first] = this.#waiting;
    if (oldest === undefined || (first !== undefined && first.lastDial < oldest)) {
      this.#reach.failed();
      this.#failWaiting(Code.UNAVAILABLE, `cannot connect: ${reason}`, oldest);
    }
    for (const waiting of this.#waiting) waiting.lastDial = Math.min(waiting.lastDial, this.#lastDial);
  }

  /** Fails those that wait for no connection from number `oldest` on; undefined: all. */
  #failWaiting(code: Code, reason: string, oldest?: number): void {
    const failed: Waiting[] = [];
    for (const waiting of this.#waiting) {
      if (oldest !== undefined && waiting.lastDial >= oldest) break;
      failed.push(waiting);
    }
    for (const waiting of failed) this.#waiting.delete(waiting);
    const error = this.#error(code, reason);
    for (const { request, answer } of failed) {
      request.body.cancel(error);
      answer.fail(error);
    }
  }

  #open(stream: ByteStream): void {
    const { clock, defer, http2: counters } = this.#options;
    const idleMs = Math.min(this.#options.idleMs, this.#limits.idleMs);
    const onDraining = () => {
      this.#clients.delete(client);
      this.#draining.add(client);
      this.#dialAgain();
    };
    const gone = () => {
      this.#clients.delete(client);
      this.#draining.delete(client);
      if (this.#reach.lost(client) && this.#clients.size === 0) this.#reach.failed();
      this.#dialAgain();
    };
    const onCapacity = () => (this.#state === "open" ? this.#serveWaiting() : this.#closeIfIdle(client));
    const client: Client =
      this.#endpoint.protocol === "http1"
        ? connectHttp1(stream, { clock, idleMs, onCapacity, onClose: gone })
        : connectHttp2(stream, {
            clock,
            defer,
            lifetime: { idleMs, keepaliveMs },
            limits: sharedLimits,
            counters,
            onCapacity,
            onDraining,
            onClose: gone,
          });
    this.#clients.add(client);
    this.#reach.connected();
  }

  #serveWaiting(): void {
    for (const call of this.#waiting) {
      const client = this.#roomiest();
      if (client === undefined) return this.#dialMore();
      this.#waiting.delete(call);
      call.cancel = client.handle(call.request, call.answer);
    }
  }

  #error(code: Code, message: string): Unconnected {
    const { host, port } = this.#endpoint;
    return new Unconnected(code, `${host}:${port}: ${message}`, { side: "origin", unprocessed: true });
  }
}

function refuse(request: HttpRequest, answer: Answer, error: CallError): Cancel {
  request.body.cancel(error);
  answer.fail(error);
  return () => {};
}
