/**
 * The Node edge beside other gateways, and beside none. Every gateway has one thread and the same origin; each takes its
 * turn in every round, so that the machine's moods hit all alike. Calls come from the project's own HTTP/2 client, the
 * origin is its own server: with 1 to 2 microseconds a call neither is what limits a gateway, and the client can give
 * every call metadata of its own, which h2load cannot. Every answer's status and length are checked.
 */
import type { ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generate } from "selfsigned";
import type { GatewayLoad, Setting } from "./gateway-peer.ts";
import { programs, startProgram } from "./gateway-subjects.ts";
import { service } from "./http2-servers.ts";
import type { LoadResult } from "./load.ts";
import { answerOf, pinning, startPeer, type Subject, subjectOf } from "./processes.ts";
import { type BenchOptions, compareRows, type Row, writeReport } from "./report.ts";
import { alternate, type Rounds } from "./rounds.ts";

interface Case {
  readonly name: string;
  readonly shape: Omit<GatewayLoad, "port" | "milliseconds">;
}

const sizes = { "100B": 100, "4KB": 4096 } as const;
const shapes = [
  [1, 1],
  [1, 32],
  [8, 32],
  [64, 4],
] as const;

function cases(): Case[] {
  return (["h2c", "tls"] as const).flatMap((transport) =>
    (["100B", "4KB"] as const).flatMap((size) =>
      shapes.flatMap(([connections, streams]) =>
        (["identical", "different"] as const).map((metadata) => ({
          name: `${transport}/${size}/${connections}x${streams}/${metadata}`,
          shape: { transport, connections, streams, bytes: sizes[size], different: metadata === "different" },
        })),
      ),
    ),
  );
}

/** What all are first warmed up with: compilers at run time get their work done. */
const startUpMs = 1500;
const busiest = cases().find(({ name }) => name === "h2c/100B/8x32/different")!;

/** Subjects of which one wrong answer ends the bench. HAProxy 2.6 loses some trailers: that is told of its row. */
const ours: ReadonlySet<string> = new Set(["edgeway", "node:http2", "direct"]);

/** One turn of one subject. */
async function turn({ shape }: Case, subject: Subject, load: ChildProcess, milliseconds: number): Promise<LoadResult> {
  const port = shape.transport === "tls" ? subject.ports.tls : subject.ports.h2c;
  const tolerant = !ours.has(subject.name);
  const order: GatewayLoad = { ...shape, port, milliseconds, tolerant };
  const before = subject.cpuMicros();
  load.send(order);
  const result = await answerOf<LoadResult>(load, `the calls to ${subject.name}`);
  return { ...result, cpuMicros: subject.cpuMicros() - before };
}

async function startSubjects(setting: Setting, folder: string): Promise<Subject[]> {
  const subjects: Subject[] = [];
  for (const name of ["edgeway", "node:http2"]) {
    const { child, ports } = await startPeer(name, setting);
    subjects.push(subjectOf(name, child, ports));
  }
  for (const program of programs) {
    const subject = await startProgram(program, setting, folder);
    if (subject === undefined) console.log(`${program.name} is not installed, and so left out`);
    else subjects.push(subject);
  }
  return subjects;
}

export default async function bench({ json, only, short }: BenchOptions): Promise<void> {
  const plan: Rounds = short ? { rounds: 3, warmUpMs: 150, roundMs: 250 } : { rounds: 5, warmUpMs: 250, roundMs: 500 };
  const folder = mkdtempSync(join(tmpdir(), "edgeway-bench-"));
  const { cert, private: key } = await generate([{ name: "commonName", value: "localhost" }], { keyType: "ec" });
  const origin = await startPeer("origin", { cert, key, origin: 0, service });
  const setting = { cert, key, origin: origin.ports.h2c, service };
  const subjects = await startSubjects(setting, folder);
  // No gateway at all: what the calls and the origin can do, and the processor time is the origin's.
  subjects.push(subjectOf("direct", origin.child, origin.ports));
  const { child: load } = await startPeer("load", setting);
  for (const subject of subjects) await turn(busiest, subject, load, startUpMs);
  console.log(`${pinning}; ${plan.rounds} rounds of ${plan.roundMs} ms`);
  const rows: Row[] = [];
  for (const of of cases()) {
    if (only !== undefined && !only.test(of.name)) continue;
    rows.push(...(await alternate(of.name, subjects, plan, (subject, ms) => turn(of, subject, load, ms))));
  }
  for (const { name } of subjects) if (name !== "edgeway" && name !== "direct") compareRows(rows, name);
  writeReport(json, plan.rounds, rows);
  rmSync(folder, { recursive: true });
  process.exit(); // its children with it
}
