/** Edgeway as one Node process. */
import type { RouteTable } from "../../routes/model.ts";
import type { Handler } from "../call/http.ts";
import { Gates } from "../gates.ts";
import { createGateway } from "../gateway.ts";
import { newCounters } from "../http2/index.ts";
import { descriptorsFrom } from "../transcode/cache.ts";
import { Origins } from "../transport/origins.ts";
import type { Certificates } from "./node-certificates.ts";
import { dial } from "./node-dial.ts";
import { type Listener, listen } from "./node-listener.ts";
import type { ObserveProcess } from "./process-observe.ts";
import { nodeClock, nodeDefer } from "./node-runtime.ts";
import type { TlsFailures } from "./node-tls-failures.ts";
import { withAdmin } from "./with-admin.ts";
import { zlibCompressions } from "./zlib-compressions.ts";

export interface NodeEdgeOptions {
  readonly listeners: readonly NodeEdgeListener[];
  /** The table of the moment. */
  readonly table: () => RouteTable;
  /** The bytes of the descriptor sets that it names, by hash. */
  readonly descriptorSet?: (hash: string) => Uint8Array | undefined;
  /** Answers what is below adminPath. Undefined: that is routed like all else. */
  readonly admin?: Handler | undefined;
  /** Gets a line for each connection that is closed for lack of a PROXY protocol header. Undefined: nobody does. */
  readonly log?: ((line: string) => void) | undefined;
  /** Where failed handshakes of TLS are counted. Undefined: nowhere. */
  readonly tlsFailures?: TlsFailures | undefined;
  /** Makes what observes calls, see process-observe.ts. Undefined: nothing does. */
  readonly observe?: ObserveProcess | undefined;
  /** Whoever has it is told how his calls were routed, see inspect.ts. Undefined: nobody. */
  readonly inspectToken?: string | undefined;
}

export interface NodeEdgeListener {
  /** An address of this machine. */
  readonly host: string;
  /** 0 for any. */
  readonly port: number;
  /** Serves TLS with these. Undefined: in the clear. */
  readonly certificates?: Certificates;
  /** Whether every connection begins with a PROXY protocol header. */
  readonly proxyProtocol?: boolean;
}

export interface NodeEdge {
  /** Those of the listeners, in their order. */
  readonly ports: readonly number[];
  /** Takes no more connections, lets the calls under way end, then closes. */
  drain(): Promise<void>;
  /** Ends everything now. */
  close(): Promise<void>;
}

/** Milliseconds after which a connection to an origin is closed if it has no calls. */
const originIdleMs = 60_000;

/**
 * Serves HTTP/2 and HTTP/1.1 on each listener, and every call by the table.
 *
 * @throws Error in one line if a port is taken; then nothing is left open
 */
export async function startNodeEdge(options: NodeEdgeOptions): Promise<NodeEdge> {
  const { listeners, table, descriptorSet, admin, log, observe, inspectToken, tlsFailures } = options;
  const http2 = newCounters();
  const origins = new Origins({
    dial,
    clock: nodeClock,
    defer: nodeDefer,
    idleMs: originIdleMs,
    random: Math.random,
    http2,
  });
  const gateway = createGateway({
    table,
    random: Math.random,
    now: Date.now,
    clock: nodeClock,
    send: origins.send,
    gates: new Gates({ clock: nodeClock, now: Date.now, random: Math.random, fetch }),
    idleMs: undefined,
    compressions: zlibCompressions,
    observation: observe?.({ pools: () => origins.stats(), http2, clock: nodeClock }),
    inspectToken,
    ...(descriptorSet && { descriptors: descriptorsFrom(descriptorSet) }),
  });
  const handlerFor = (address: string): Handler => withAdmin(admin, gateway(address));
  const open: Listener[] = [];
  const endAll = async (end: (listener: Listener) => Promise<void>): Promise<void> => {
    await Promise.all(open.map(end));
    origins.close();
  };
  try {
    // One after the other, so that what was opened is known when one fails.
    // oxlint-disable-next-line no-await-in-loop
    for (const each of listeners) open.push(await listen({ ...each, handlerFor, http2, tlsFailures, log }));
  } catch (error) {
    await endAll((listener) => listener.close());
    throw error;
  }
  return {
    ports: open.map(({ port }) => port),
    drain: () => endAll((listener) => listener.drain()),
    close: () => endAll((listener) => listener.close()),
  };
}
