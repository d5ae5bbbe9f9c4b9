/** A process of the bench, so that each subject has a heap and a processor time of its own. Orders come from the parent. */
import { clients } from "./http2-clients.ts";
import { servers } from "./http2-servers.ts";
import { type Caller, cpuMicros, type Load, type LoadResult, runLoad } from "./load.ts";

/** Calls of the subject's client to `port`. */
export interface Calls extends Load {
  readonly kind: "load";
  readonly port: number;
  readonly connections: number;
}

export type Order = Calls | { readonly kind: "usage" };

const [role, subject] = process.argv.slice(2);
const connections = new Map<number, Caller[]>();

async function callers({ port, connections: count }: Calls): Promise<Caller[]> {
  const open = connections.get(port) ?? [];
  connections.set(port, open);
  while (open.length < count) open.push(await clients[subject!]!(port));
  return open.slice(0, count);
}

async function load(order: Calls): Promise<LoadResult> {
  return runLoad(await callers(order), order);
}

process.on("message", (order: Order) => {
  if (order.kind === "usage") process.send!(cpuMicros());
  else void load(order).then((result) => process.send!(result));
});
process.on("disconnect", () => process.exit());
process.send!(role === "server" ? await servers[subject!]!() : 0);
