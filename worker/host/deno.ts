/**
 * Edgeway on Deno. Deno.serve, which Deno Deploy has alone, speaks in requests and responses, without trailers: gRPC-Web
 * and Connect. Elsewhere a port of its own takes native gRPC.
 */
import type { RouteTable } from "../../routes/model.ts";
import { CallError } from "../call/error.ts";
import type { Handler, RequestHead } from "../call/http.ts";
import { Code } from "../call/status.ts";
import { Gates } from "../gates.ts";
import { createGateway } from "../gateway.ts";
import { newCounters } from "../http2/index.ts";
import { detect, encodeFailure } from "../protocol/index.ts";
import { descriptorsFrom } from "../transcode/cache.ts";
import { Origins } from "../transport/origins.ts";
import { Http2Listener } from "./deno-listener.ts";
import { cannotReach, dial } from "./deno-dial.ts";
import { type Fetch, fetchHandler } from "./fetch-handler.ts";
import { headOf, refuseWebSocket, respondWith, toResponse } from "./fetch.ts";
import type { ObserveProcess } from "./process-observe.ts";
import { timerClock } from "./timer-clock.ts";
import { bodyFromRequest } from "./web-streams.ts";
import { withAdmin } from "./with-admin.ts";
import { zlibCompressions } from "./zlib-compressions.ts";

export interface DenoEdgeOptions {
  readonly listeners: readonly DenoEdgeListener[];
  /** The table of the moment. */
  readonly table: () => RouteTable;
  /** The bytes of the descriptor sets that it names, by hash. */
  readonly descriptorSet?: (hash: string) => Uint8Array | undefined;
  /** Answers what is below adminPath. Undefined: that is routed like all else. */
  readonly admin?: Fetch | undefined;
  /** Makes what observes calls, see process-observe.ts. Undefined: nothing does. */
  readonly observe?: ObserveProcess | undefined;
  /** Whoever has it is told how his calls were routed, see inspect.ts. Undefined: nobody. */
  readonly inspectToken?: string | undefined;
}

export interface DenoEdgeListener {
  /** An address of this machine. */
  readonly hostname: string;
  /** 0 for any. */
  readonly port: number;
  /** PEM; undefined: in the clear. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Whether it takes HTTP/2 alone, with trailers: native gRPC. Not on Deno Deploy. */
  readonly http2?: boolean;
}

export interface DenoEdge {
  /** Those of the listeners, in their order. */
  readonly ports: readonly number[];
  /** Takes no more connections, lets the calls under way end, then closes. */
  drain(): Promise<void>;
}

/** Milliseconds after which a connection to an origin is closed if it has no calls. */
const originIdleMs = 60_000;

const clock = timerClock(() => performance.now());

/**
 * Serves HTTP/2 and HTTP/1.1 on each listener, and every call by the table.
 *
 * @throws Error in one line if a port is taken, or a certificate cannot be used
 */
export function startDenoEdge(options: DenoEdgeOptions): DenoEdge {
  const { listeners, table, descriptorSet, admin, observe, inspectToken } = options;
  const http2 = newCounters();
  const defer = (flush: () => void): void => void setTimeout(flush, 0);
  const origins = new Origins({ dial, clock, defer, idleMs: originIdleMs, random: Math.random, http2 });
  const gateway = createGateway({
    table,
    random: Math.random,
    now: Date.now,
    cannotReach,
    clock,
    send: origins.send,
    gates: new Gates({ clock, now: Date.now, random: Math.random, fetch }),
    idleMs: undefined,
    compressions: zlibCompressions,
    observation: observe?.({ pools: () => origins.stats(), http2, clock }),
    inspectToken,
    ...(descriptorSet && { descriptors: descriptorsFrom(descriptorSet) }),
  });
  const own = admin && fetchHandler(admin);
  const handlerFor = (address: string): Handler => withAdmin(own, gateway(address));
  const listen = ({ hostname, port, tls, http2: native }: DenoEdgeListener) => {
    if (native === true) return new Http2Listener({ hostname, port, tls, handlerFor, clock, defer, counters: http2 });
    const serve = { hostname, port, cert: tls?.cert, key: tls?.key, onListen() {} };
    const server = Deno.serve(serve, (request, { remoteAddr }) =>
      answer(request, tls === undefined ? schemeOf(request) : "https", handlerFor(remoteAddr.hostname)),
    );
    return { port: server.addr.port, drain: () => server.shutdown() };
  };
  const servers = listeners.map((listener) => {
    try {
      return listen(listener);
    } catch (cause) {
      const { name, message } = cause as Error;
      if (name === "AddrInUse") throw new Error(`port ${listener.port} is taken`, { cause });
      // What TLS does not take has no name of its own, unlike what the machine does not.
      const isTls = listener.tls !== undefined && name === "Error";
      const what = isTls ? "the certificate or its key cannot be used" : `cannot listen on ${listener.hostname}`;
      throw new Error(`${what}: ${message}`, { cause });
    }
  });
  return {
    ports: servers.map(({ port }) => port),
    async drain() {
      await Promise.all(servers.map((server) => server.drain()));
      origins.close();
    },
  };
}

/** Deno Deploy ends TLS before this process, and says so. */
function schemeOf({ url }: Request): RequestHead["scheme"] {
  return url.startsWith("https:") ? "https" : "http";
}

async function answer(request: Request, scheme: RequestHead["scheme"], handler: Handler): Promise<Response> {
  const refused = refuseWebSocket(request);
  if (refused !== undefined) return refused;
  const head = headOf(request, scheme);
  const { caller } = detect(head);
  if (caller.protocol === "grpc") return toResponse(encodeFailure(caller, withoutTrailers()));
  const body = bodyFromRequest(request);
  return respondWith((answers) => handler({ head, body }, answers), request.signal);
}

function withoutTrailers(): CallError {
  const message = "Deno.serve has no trailers, which gRPC needs: use gRPC-Web or Connect here";
  return new CallError(Code.UNIMPLEMENTED, message, { side: "edge" });
}
