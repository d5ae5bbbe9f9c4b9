/**
 * What each translation costs, beside vanguard-go (connectrpc.com/vanguard), which translates the same protocols: one
 * thread each, the same origin, the same calls, by turns. Every first answer is taken apart and compared with what was
 * asked; the others must be as long.
 */
import { type ChildProcess, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { goCache } from "../go-tool.ts";
import type { LoadResult } from "./load.ts";
import { answerOf, find, freePort, pinning, reachable, start, type Subject, subjectOf } from "./processes.ts";
import { type BenchOptions, compareRows, type Row, writeReport } from "./report.ts";
import { alternate } from "./rounds.ts";
import type { CallName } from "./translate-calls.ts";
import type { TranslateLoad } from "./translate-peer.ts";

const names: readonly CallName[] = [
  "grpc to grpc",
  "grpc-web to grpc",
  "connect unary to grpc",
  "connect stream to grpc",
  "connect json to grpc proto",
  "rest to grpc",
];

const shape = { connections: 8, streams: 16, bytes: 1, different: false } as const;
const local = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** The descriptors of tests/bench/proto, in a file. */
function buildDescriptors(folder: string): string {
  const protos = join(folder, "protos");
  cpSync(local("proto"), protos, { recursive: true });
  cpSync(local("../../examples/proto/google/api"), join(protos, "google/api"), { recursive: true });
  const file = join(folder, "descriptors.binpb");
  const options = ["build", protos, "--as-file-descriptor-set", "-o", file];
  const { status } = spawnSync(local("../../node_modules/.bin/buf"), options, { stdio: "inherit" });
  if (status !== 0) throw new Error("buf could not build the bench's protos");
  return file;
}

async function startPeer(role: string, origin: number, descriptors: string): Promise<[ChildProcess, port: number]> {
  const args = [local("translate-peer.ts"), role, String(origin), descriptors];
  const child = start(role === "edgeway", process.execPath, args, "inherit");
  return [child, await answerOf<number>(child, role)];
}

/** Undefined where it is not, and Go cannot build it. */
async function startVanguard(origin: number, descriptors: string): Promise<Subject | undefined> {
  const program = find("vanguard-gateway") ?? join(goCache, "vanguard-gateway");
  if (!existsSync(program)) spawnSync("go", ["build", "-o", program, "."], { cwd: local("go"), stdio: "inherit" });
  if (!existsSync(program)) return undefined;
  const port = await freePort();
  const args = [String(port), String(origin), descriptors, "bench.Echo"];
  const child = start(true, program, args, "inherit", { GOMAXPROCS: "1" });
  if (!(await reachable(port))) throw new Error("vanguard-go does not listen");
  return subjectOf("vanguard-go", child, { h2c: port, tls: 0 });
}

export default async function bench({ json, only, short }: BenchOptions): Promise<void> {
  const rounds = short ? { rounds: 3, warmUpMs: 500, roundMs: 500 } : { rounds: 5, warmUpMs: 1500, roundMs: 1000 };
  const folder = mkdtempSync(join(tmpdir(), "edgeway-bench-"));
  process.once("exit", () => rmSync(folder, { recursive: true }));
  const descriptors = buildDescriptors(folder);
  const [, origin] = await startPeer("origin", 0, descriptors);
  const [edgeway, port] = await startPeer("edgeway", origin, descriptors);
  const [load] = await startPeer("load", origin, descriptors);
  const subjects = [subjectOf("edgeway", edgeway, { h2c: port, tls: 0 })];
  const vanguard = await startVanguard(origin, descriptors);
  if (vanguard === undefined) console.log("vanguard-go is left out: Go is not installed, or could not build it");
  else subjects.push(vanguard);

  const turn = async (name: CallName, subject: Subject, milliseconds: number): Promise<LoadResult> => {
    const order: TranslateLoad = { ...shape, name, port: subject.ports.h2c, milliseconds };
    const before = subject.cpuMicros();
    load.send(order);
    const result = await answerOf<LoadResult>(load, `the calls to ${subject.name}`);
    return { ...result, cpuMicros: subject.cpuMicros() - before };
  };
  console.log(`${pinning}; ${rounds.rounds} rounds of ${rounds.roundMs} ms`);
  const rows: Row[] = [];
  for (const name of names) {
    if (only !== undefined && !only.test(name)) continue;
    // oxlint-disable-next-line no-await-in-loop -- one after the other is the point
    rows.push(...(await alternate(name, subjects, rounds, (subject, ms) => turn(name, subject, ms))));
  }
  if (vanguard !== undefined) compareRows(rows, "vanguard-go");
  writeReport(json, rounds.rounds, rows);
  process.exit(); // its children with it
}
