/** A process of the bench, so that each subject has a heap and a processor time of its own. Orders come from the parent. */
import { randomBytes } from "node:crypto";
import { type Caller, clients } from "./http2-clients.ts";
import { servers } from "./http2-servers.ts";

/** Makes calls for a while. */
export interface Load {
  readonly kind: "load";
  readonly port: number;
  readonly connections: number;
  /** Calls under way per connection. */
  readonly streams: number;
  readonly bytes: number;
  /** Whether each call carries a field never sent before. */
  readonly different: boolean;
  readonly milliseconds: number;
}

export type Order = Load | { readonly kind: "usage" };

export interface LoadResult {
  readonly calls: number;
  readonly seconds: number;
  readonly cpuMicros: number;
  readonly p50: number;
  readonly p99: number;
}

/** One in so many calls is timed. */
const timedEvery = 8;

const [role, subject] = process.argv.slice(2);
const connections = new Map<number, Caller[]>();

async function callers({ port, connections: count }: Load): Promise<Caller[]> {
  const open = connections.get(port) ?? [];
  connections.set(port, open);
  while (open.length < count) open.push(await clients[subject!]!(port));
  return open.slice(0, count);
}

function cpuMicros(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

async function load(order: Load): Promise<LoadResult> {
  const { streams, bytes, different, milliseconds } = order;
  const opened = await callers(order);
  const message = Buffer.alloc(bytes, "m");
  const latencies: number[] = [];
  let calls = 0;
  let serial = 0;
  const run = randomBytes(8).toString("hex");
  const cpu = cpuMicros();
  const began = performance.now();
  const until = began + milliseconds;
  const loop = (caller: Caller): Promise<void> =>
    new Promise((resolve) => {
      const next = (): void => {
        const timed = serial % timedEvery === 0;
        const at = timed ? performance.now() : 0;
        const id = different ? `${run}${(serial + 1e9).toString(16)}` : undefined;
        serial++;
        caller.call(message, id, (length) => {
          if (length !== bytes) throw new Error(`${length} bytes instead of ${bytes}`);
          calls++;
          if (!timed) return next();
          const now = performance.now();
          latencies.push(now - at);
          if (now < until) next();
          else resolve();
        });
      };
      next();
    });
  await Promise.all(opened.flatMap((caller) => Array.from({ length: streams }, () => loop(caller))));
  const seconds = (performance.now() - began) / 1000;
  latencies.sort((a, b) => a - b);
  const at = (part: number): number => latencies[Math.floor((latencies.length - 1) * part)]!;
  return { calls, seconds, cpuMicros: cpuMicros() - cpu, p50: at(0.5), p99: at(0.99) };
}

process.on("message", (order: Order) => {
  if (order.kind === "usage") process.send!(cpuMicros());
  else void load(order).then((result) => process.send!(result));
});
process.on("disconnect", () => process.exit());
process.send!(role === "server" ? await servers[subject!]!() : 0);
