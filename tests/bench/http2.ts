/**
 * The HTTP/2 engine beside node:http2 and grpc-js, both roles. Every subject has a process of its own, and takes its turn
 * in every round. Clients call the engine's server; servers are called by the engine's client, over 8 connections.
 */
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Load, LoadResult, Order } from "./http2-child.ts";
import { clients } from "./http2-clients.ts";
import { servers } from "./http2-servers.ts";
import { type Row, type Spread, spread, writeReport } from "./report.ts";

const rounds = 5;
const warmUpMs = 1000;
const roundMs = 700;

type LoadShape = Omit<Load, "port" | "milliseconds">;

interface Case {
  readonly name: string;
  readonly role: "client" | "server";
  readonly shape: LoadShape;
}

const sizes: readonly (readonly [label: string, bytes: number])[] = [
  ["100B", 100],
  ["4KB", 4096],
];

function* cases(): Generator<Case> {
  for (const different of [false, true]) {
    const fields = different ? "different" : "identical";
    for (const [label, bytes] of sizes) {
      for (const streams of [1, 32, 256]) {
        const shape: LoadShape = { kind: "load", connections: 1, streams, bytes, different };
        yield { name: `client/${label}/${streams}/${fields}`, role: "client", shape };
      }
      const shape: LoadShape = { kind: "load", connections: 8, streams: 32, bytes, different };
      yield { name: `server/${label}/8x32/${fields}`, role: "server", shape };
    }
  }
}

/** A process that takes one order at a time. */
class Child {
  readonly #process: ChildProcess;
  readonly #role: string;

  constructor(role: "client" | "server", subject: string) {
    this.#role = `${role} ${subject}`;
    this.#process = fork(fileURLToPath(new URL("http2-child.ts", import.meta.url)), [role, subject]);
  }

  /** The next message: what it answers to an order, or the port it listens on. */
  answer<T>(): Promise<T> {
    return new Promise((resolve, reject) => {
      const ended = (): void => reject(new Error(`${this.#role} ended`));
      this.#process.once("exit", ended);
      this.#process.once("message", (message) => {
        this.#process.off("exit", ended);
        resolve(message as T);
      });
    });
  }

  ask<T>(order: Order): Promise<T> {
    const answer = this.answer<T>();
    this.#process.send(order);
    return answer;
  }

  end(): void {
    this.#process.disconnect();
  }
}

interface Subject {
  readonly name: string;
  readonly client: Child;
  readonly server: Child;
  readonly port: number;
}

async function start(name: string): Promise<Subject> {
  const [client, server] = [new Child("client", name), new Child("server", name)];
  const [, port] = await Promise.all([client.answer<number>(), server.answer<number>()]);
  return { name, client, server, port };
}

/** One turn of one subject; processor time is that of the role in question. */
async function turn(of: Case, subject: Subject, engine: Subject, milliseconds: number): Promise<LoadResult> {
  if (of.role === "client") return subject.client.ask<LoadResult>({ ...of.shape, port: engine.port, milliseconds });
  const before = await subject.server.ask<number>({ kind: "usage" });
  const result = await engine.client.ask<LoadResult>({ ...of.shape, port: subject.port, milliseconds });
  const cpuMicros = (await subject.server.ask<number>({ kind: "usage" })) - before;
  return { ...result, cpuMicros };
}

function rowOf(name: string, subject: string, results: readonly LoadResult[]): Row {
  return {
    case: name,
    subject,
    callsPerSecond: spread(results.map(({ calls, seconds }) => calls / seconds)),
    cpuMicrosPerCall: spread(results.map(({ calls, cpuMicros }) => cpuMicros / calls)),
    latencyMs: { p50: spread(results.map(({ p50 }) => p50)).median, p99: spread(results.map(({ p99 }) => p99)).median },
  };
}

function show({ min, median, max }: Spread, digits: number): string {
  return [min, median, max].map((value) => value.toFixed(digits).padStart(7)).join(" ");
}

function print(row: Row): void {
  const { callsPerSecond, cpuMicrosPerCall, latencyMs } = row;
  console.log(
    `${row.case.padEnd(28)} ${row.subject.padEnd(11)} calls/s ${show(callsPerSecond, 0)}  ` +
      `cpu us/call ${show(cpuMicrosPerCall, 1)}  ms p50 ${latencyMs.p50.toFixed(2)} p99 ${latencyMs.p99.toFixed(2)}`,
  );
}

/** How the engine stands to `other`, by medians. */
function compare(rows: readonly Row[], other: string): void {
  for (const row of rows.filter(({ subject }) => subject === "edgeway")) {
    const peer = rows.find((candidate) => candidate.case === row.case && candidate.subject === other)!;
    const cpu = peer.cpuMicrosPerCall.median / row.cpuMicrosPerCall.median;
    const calls = row.callsPerSecond.median / peer.callsPerSecond.median;
    console.log(`${row.case.padEnd(28)} against ${other}: CPU 1/${cpu.toFixed(1)}, calls/s x${calls.toFixed(1)}`);
  }
}

export default async function bench({ json }: { readonly json: string | undefined }): Promise<void> {
  const subjects = await Promise.all(Object.keys(clients).map(start));
  const engine = subjects.find(({ name }) => name in servers && name === "edgeway")!;
  const rows: Row[] = [];
  for (const of of cases()) {
    const results = new Map(subjects.map((subject) => [subject, [] as LoadResult[]]));
    for (const subject of subjects) await turn(of, subject, engine, warmUpMs);
    for (let round = 0; round < rounds; round++) {
      for (const subject of subjects) results.get(subject)!.push(await turn(of, subject, engine, roundMs));
    }
    for (const [subject, measured] of results) rows.push(rowOf(of.name, subject.name, measured));
    rows.slice(-subjects.length).forEach(print);
  }
  for (const { client, server } of subjects) {
    client.end();
    server.end();
  }
  compare(rows, "node:http2");
  writeReport(json, rounds, rows);
}
