/**
 * HTTP/2 over any byte stream, both roles (RFC 9113, RFC 7541).
 *
 * The engine does no I/O of its own: bytes go in at connection.ts, through codec.ts, which cuts frames, to streams
 * (stream/), and come out through endpoint.ts and output.ts, which puts a tick's frames into one write. pump.ts alone
 * knows the byte stream. client/ and server/ say how an exchange begins; flow/ who may send how much; message/ and hpack/
 * what a field block means; life.ts when a connection ends; limits.ts and abuse.ts what a peer may cost.
 *
 * Bodies are flows (worker/call/flow.ts): what a peer may send is what its taker has consumed, and a source is given
 * credit when its bytes are framed.
 */
import type { ByteStream } from "../call/byte-stream.ts";
import type { Clock } from "../call/clock.ts";
import type { CallError } from "../call/error.ts";
import type { Handler, RequestHead } from "../call/http.ts";
import { ClientConnection } from "./client/connection.ts";
import type { Effects, Setup } from "./endpoint.ts";
import type { Lifetime } from "./life.ts";
import { defaultLimits, type Http2Counters, type Http2Limits, newCounters } from "./limits.ts";
import { type Defer, Pump } from "./pump.ts";
import { ServerConnection } from "./server/connection.ts";

export { defaultLimits, type Http2Counters, type Http2Limits, newCounters } from "./limits.ts";
export type { Lifetime } from "./life.ts";
export type { Defer } from "./pump.ts";

export interface Http2Options {
  readonly clock: Clock;
  /** When a tick's output goes out: after the input at hand was handled, so that all of it leaves in one write. */
  readonly defer: Defer;
  readonly limits?: Partial<Http2Limits>;
  readonly lifetime?: Lifetime;
  /** Where passed limits are counted; a connection's own if not given. */
  readonly counters?: Http2Counters | undefined;
  /** The connection is over. `error` unless it ended as was wished. Called once. */
  readonly onClose?: (error?: CallError) => void;
}

export interface Http2ClientOptions extends Http2Options {
  /** The peer, or `drain`, wants no new requests here; those begun go on. Called once at most. */
  readonly onDraining?: () => void;
  /** There may be more capacity than before. */
  readonly onCapacity?: () => void;
}

export interface Http2Client {
  /**
   * Sends a request, or queues it at the peer's MAX_CONCURRENT_STREAMS. After its Cancel was called neither the answer
   * nor its body's sink hears anything more.
   */
  readonly handle: Handler;
  /** Requests under way. */
  readonly activeStreams: number;
  /** Requests that wait for others to end. */
  readonly queued: number;
  /** Requests that would be sent at once; 0 when draining or closed. */
  readonly capacity: number;
  readonly draining: boolean;
  readonly closed: boolean;
  /** Sends a PING: `alive` is called when it is answered; the connection is lost if it is not within `ms`. */
  probe(ms: number, alive: () => void): void;
  /** No new requests; closes once those begun have ended. */
  drain(): void;
  /** Ends everything now. */
  close(): void;
}

export interface Http2ServerOptions extends Http2Options {
  /** How the peer reached the listener. */
  readonly scheme: RequestHead["scheme"];
  /** Called for each request. Its Cancel is called if the peer resets the stream or is lost. */
  readonly handler: Handler;
}

export interface Http2Server {
  readonly activeStreams: number;
  readonly closed: boolean;
  /** Tells the peer to go elsewhere, and closes once the requests under way have ended. */
  drain(): void;
  close(): void;
}

export function connectHttp2(stream: ByteStream, options: Http2ClientOptions): Http2Client {
  const pump = new Pump(stream, options.defer, options.clock, (error) => options.onClose?.(error));
  const events = {
    draining: () => options.onDraining?.(),
    room: () => options.onCapacity?.(),
  };
  const connection = new ClientConnection(setup(pump, options), events);
  pump.run(connection);
  connection.start();
  return {
    handle: (request, answer) => connection.request(request, answer),
    get activeStreams() {
      return connection.activeStreams;
    },
    get queued() {
      return connection.queued;
    },
    get capacity() {
      return connection.capacity;
    },
    get draining() {
      return connection.draining;
    },
    get closed() {
      return connection.closed;
    },
    probe: (ms, alive) => connection.probe(ms, alive),
    drain: () => connection.drain(),
    close: () => connection.close(),
  };
}

export function serveHttp2(stream: ByteStream, options: Http2ServerOptions): Http2Server {
  const pump = new Pump(stream, options.defer, options.clock, (error) => options.onClose?.(error));
  const connection = new ServerConnection(setup(pump, options), options.scheme, options.handler);
  pump.run(connection);
  connection.start();
  return {
    get activeStreams() {
      return connection.activeStreams;
    },
    get closed() {
      return connection.closed;
    },
    drain: () => connection.drain(),
    close: () => connection.close(),
  };
}

function setup(effects: Effects, options: Http2Options): Setup {
  return {
    effects,
    limits: { ...defaultLimits, ...options.limits },
    counters: options.counters ?? newCounters(),
    clock: options.clock,
    lifetime: options.lifetime ?? {},
  };
}
