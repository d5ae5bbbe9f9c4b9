/**
 * The HTTP/2 engine beside node:http2 and grpc-js, both roles. Every subject has a process of its own, and takes its turn
 * in every round. Clients call the engine's server; servers are called by the engine's client, over 8 connections.
 */
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Calls, Order } from "./http2-child.ts";
import { clients } from "./http2-clients.ts";
import { servers } from "./http2-servers.ts";
import type { LoadResult } from "./load.ts";
import { answerOf } from "./processes.ts";
import { type BenchOptions, compareRows, type Row, writeReport } from "./report.ts";
import { alternate, type Rounds } from "./rounds.ts";

const plan: Rounds = { rounds: 5, warmUpMs: 1000, roundMs: 700 };

type LoadShape = Omit<Calls, "port" | "milliseconds">;

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
    return answerOf<T>(this.#process, this.#role);
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

export default async function bench({ json }: BenchOptions): Promise<void> {
  const subjects = await Promise.all(Object.keys(clients).map(start));
  const engine = subjects.find(({ name }) => name in servers && name === "edgeway")!;
  const rows: Row[] = [];
  for (const of of cases()) {
    rows.push(...(await alternate(of.name, subjects, plan, (subject, ms) => turn(of, subject, engine, ms))));
  }
  for (const { client, server } of subjects) {
    client.end();
    server.end();
  }
  compareRows(rows, "node:http2");
  writeReport(json, plan.rounds, rows);
}
