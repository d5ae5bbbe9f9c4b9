/** A worker process of `edgeway serve --workers N`: takes calls by the table that the first process sends. */
import cluster from "node:cluster";
import type { TrafficReport } from "../../worker/observe/traffic.ts";
import { newTlsFailures } from "../../worker/host/node-tls-failures.ts";
import { processState } from "../../worker/host/process-state.ts";
import { createDescriptorReader } from "./home.ts";
import { type Edge, startEdge } from "./edge.ts";
import type { FromWorker, ToWorker } from "./messages.ts";
import { toPrimary } from "./to-primary.ts";

/** How often it tells of itself what changes without calls, too. */
const stateMs = 2_000;

let edge: Edge | undefined;
/** The last one that came, which may be while the edge still starts. */
let table: Uint8Array;
let drainMs = 0;
let drained: Promise<void> | undefined;

/** When the first process is gone, nobody listens; the channel's errors are not this one's. */
const say = (message: FromWorker): void => void process.send!(message, () => {});
const log = (line: string): void => say({ kind: "log", line });

async function start({ serve, adminPort }: Extract<ToWorker, { kind: "start" }>): Promise<void> {
  ({ drainMs } = serve);
  const descriptorSet = createDescriptorReader(serve.data);
  // Where it has an address of its own, calls have no way to it.
  const admin = serve.admin === undefined ? toPrimary(adminPort) : undefined;
  const report = (traffic: TrafficReport): void => say({ kind: "traffic", report: traffic });
  const tlsFailures = newTlsFailures();
  edge = await startEdge({ serve, table, descriptorSet, admin, log, report, tlsFailures });
  edge.swap(table);
  const state = (): void => say({ kind: "process", state: processState(tlsFailures) });
  if (process.env["EDGEWAY_CONSOLE_TOKEN"]) {
    state();
    setInterval(state, stateMs);
  }
  say({ kind: "ready", ports: edge.ports });
}

async function drain(): Promise<void> {
  setTimeout(() => process.exit(0), drainMs);
  await edge?.drain();
  process.exit(0);
}

process.on("message", (message: ToWorker) => {
  switch (message.kind) {
    case "start":
      ({ table } = message);
      start(message).catch((error: unknown) => {
        process.send!({ kind: "failed", reason: error instanceof Error ? error.message : String(error) }, () =>
          process.exit(1),
        );
      });
      return;
    case "table":
      ({ table } = message);
      edge?.swap(table);
      return;
    case "reload":
      try {
        edge?.reload();
      } catch (error) {
        log(`cannot reload: ${(error as Error).message}`);
      }
      return;
    case "drain":
      drained ??= drain();
  }
});
// The first process decides when this one ends; without it there is no table to follow.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});
// Before it asks whether to exit at once, as it does with workers that nobody told to go.
cluster.worker!.on("disconnect", () => {
  cluster.worker!.exitedAfterDisconnect = true;
  drained ??= drain();
});
