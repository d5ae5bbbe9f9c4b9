/** Edgeway as one Node process. */
import type { RouteTable } from "../../routes/model.ts";
import { createGateway } from "../gateway.ts";
import { descriptorsFrom } from "../transcode/index.ts";
import { Pools } from "../transport/pools.ts";
import type { Certificates } from "./node-certificates.ts";
import { dial } from "./node-dial.ts";
import { type Listener, listen } from "./node-listener.ts";
import { nodeClock, nodeDefer } from "./node-runtime.ts";

export interface NodeEdgeOptions {
  readonly listeners: readonly NodeEdgeListener[];
  /** The table of the moment. */
  readonly table: () => RouteTable;
  /** The bytes of the descriptor sets that it names, by hash. */
  readonly descriptorSet?: (hash: string) => Uint8Array | undefined;
}

export interface NodeEdgeListener {
  /** An address of this machine. */
  readonly host: string;
  /** 0 for any. */
  readonly port: number;
  /** Serves TLS with these. Undefined: in the clear. */
  readonly certificates?: Certificates;
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
export async function startNodeEdge({ listeners, table, descriptorSet }: NodeEdgeOptions): Promise<NodeEdge> {
  const origins = new Pools({ dial, clock: nodeClock, defer: nodeDefer, idleMs: originIdleMs });
  const gateway = createGateway({
    table,
    random: Math.random,
    clock: nodeClock,
    send: origins.send,
    idleMs: undefined,
    ...(descriptorSet && { descriptors: descriptorsFrom(descriptorSet) }),
  });
  const open: Listener[] = [];
  const endAll = async (end: (listener: Listener) => Promise<void>): Promise<void> => {
    await Promise.all(open.map(end));
    origins.close();
  };
  try {
    // One after the other, so that what was opened is known when one fails.
    // oxlint-disable-next-line no-await-in-loop
    for (const options of listeners) open.push(await listen({ ...options, handlerFor: () => gateway }));
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
