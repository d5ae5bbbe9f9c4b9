/**
 * The Worker in `workerd serve`: alone, answering by itself; pooled, as it is deployed, over the connections of its Durable
 * Object; and with a connection for each call, which is all that a Worker without one can do. Calls are unary, 100 bytes,
 * gRPC-Web over HTTP/1.1, as that is what workerd listens to, and go on to one gRPC origin. Each subject is a process.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toJsonString } from "@bufbuild/protobuf";
import { type ClusterTable, ClusterTableSchema } from "../../proto/gen/edgeway/v1/table_pb.js";
import { tableTo } from "../edges/table.ts";
import type { GatewayLoad } from "./gateway-peer.ts";
import { service } from "./http2-servers.ts";
import type { LoadResult } from "./load.ts";
import { answerOf, pinning, startPeer, type Subject } from "./processes.ts";
import { type BenchOptions, type Row, writeReport } from "./report.ts";
import { alternate, type Rounds } from "./rounds.ts";
import { edgewayWorker, pushTable, startWorkerd, type WorkerOptions } from "./workerd.ts";

/** Calls under way. */
const inFlight = [1, 32, 128] as const;
const bytes = 100;

function workersFor(table: ClusterTable): Readonly<Record<string, WorkerOptions>> {
  return {
    worker: { main: "tests/bench/worker-alone.ts", vars: {}, objects: false },
    pooled: edgewayWorker,
    "per-request": {
      main: "tests/bench/worker-per-request.ts",
      vars: { TABLE: toJsonString(ClusterTableSchema, table) },
      objects: false,
    },
  };
}

export default async function bench({ json, only, short }: BenchOptions): Promise<void> {
  const plan: Rounds = short
    ? { rounds: 3, warmUpMs: 1000, roundMs: 500 }
    : { rounds: 5, warmUpMs: 2000, roundMs: 1000 };
  const folder = mkdtempSync(join(tmpdir(), "edgeway-bench-"));
  const setting = { cert: "", key: "", origin: 0, service };
  const { ports: origin } = await startPeer("origin", setting);
  const { child: load } = await startPeer("load", setting);
  const table = tableTo(service, origin.h2c);
  const subjects: Subject[] = [];
  for (const [name, options] of Object.entries(workersFor(table))) {
    // oxlint-disable-next-line no-await-in-loop
    subjects.push(await startWorkerd(name, options, folder));
  }
  await pushTable(subjects.find(({ name }) => name === "pooled")!.ports.h2c, table);
  console.log(`${pinning}; ${plan.rounds} rounds of ${plan.roundMs} ms`);
  const turn = async (subject: Subject, connections: number, milliseconds: number): Promise<LoadResult> => {
    const { h2c: port } = subject.ports;
    const order: GatewayLoad = {
      port,
      transport: "web",
      connections,
      streams: 1,
      bytes,
      different: true,
      milliseconds,
    };
    const before = subject.cpuMicros();
    load.send(order);
    const result = await answerOf<LoadResult>(load, `the calls to ${subject.name}`);
    return { ...result, cpuMicros: subject.cpuMicros() - before };
  };
  const rows: Row[] = [];
  for (const connections of inFlight) {
    const name = `web/100B/${connections}`;
    if (only !== undefined && !only.test(name)) continue;
    // oxlint-disable-next-line no-await-in-loop
    rows.push(...(await alternate(name, subjects, plan, (subject, ms) => turn(subject, connections, ms))));
  }
  writeReport(json, plan.rounds, rows);
  rmSync(folder, { recursive: true });
  process.exit(); // its children with it
}
