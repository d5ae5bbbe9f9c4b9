/**
 * Calls through a Node edge to toxic origins: whatever they do, every call ends with a status in time, the edge's memory
 * stays bounded, and nothing of a call is left behind.
 *
 * `node tests/chaos/chaos.ts [MINUTES] [SEED]` tells what came of it (ten minutes).
 */
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { Client, credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { OriginProtocol } from "../../proto/gen/edgeway/v1/table_pb.js";
import { newRandom } from "../http2/random.ts";
import { runServe, type RunningServe } from "../serve/serve.ts";
import { startToxic } from "./toxic.ts";

export interface ChaosResult {
  readonly calls: number;
  /** How calls ended, by the name of their status. */
  readonly statuses: Readonly<Record<string, number>>;
  /** Calls that had not ended seconds after their deadline. */
  readonly overdue: number;
  /** Of the edge: after the first second, and the most that was seen. Megabytes. */
  readonly memoryAtFirst: number;
  readonly memoryAtMost: number;
  /** Milliseconds until the edge had nothing left to finish when it was told to stop. */
  readonly drainMs: number;
  readonly poisons: Readonly<Record<string, number>>;
}

const deadlineMs = 1_000;
const overdueMs = 5_000;
const callers = 48;
const backends = 3;

export async function chaos(seconds: number, seed: number): Promise<ChaosResult> {
  const { below } = newRandom(seed);
  const random = (): number => below(2 ** 32) / 2 ** 32;
  const seen = new Map<string, number>();
  const toxics = await Promise.all(Array.from({ length: 4 }, () => startToxic(random, seen)));
  const serve = await runServe(["--drain-seconds", "20"]);
  await serve.push(tableTo(toxics.map(({ port }) => port)));
  const tally = { calls: 0, overdue: 0, statuses: new Map<string, number>() };
  const memory = watchMemory(serve);
  const until = performance.now() + seconds * 1_000;
  await Promise.all(Array.from({ length: callers }, () => callUntil(until, serve.ports[0]!, random, tally)));
  const { atFirst, atMost } = memory();
  const drainMs = await timed(() => serve.stop());
  await serve[Symbol.asyncDispose]();
  await Promise.all(toxics.map((toxic) => toxic.close()));
  return {
    calls: tally.calls,
    statuses: Object.fromEntries(tally.statuses),
    overdue: tally.overdue,
    memoryAtFirst: atFirst,
    memoryAtMost: atMost,
    drainMs,
    poisons: Object.fromEntries(seen),
  };
}

/** The rules differ in what they do when calls fail. */
function tableTo(ports: readonly number[]) {
  const source = { kind: "GRPCRoute", namespace: "default", name: "chaos" };
  const policies = [
    {},
    { retry: { attempts: 3, grpcCodes: [14, 2, 13], httpStatuses: [503], onReset: true, backoffMs: 5 } },
    { hedging: { attempts: 2, delayMs: 50 }, timeouts: { idleMs: 500, backendRequestMs: 400 } },
  ];
  const endpoints = ports.map((port) => ({ host: "127.0.0.1", port }));
  return {
    cluster: "test",
    backends: Array.from({ length: backends }, (_, i) => ({
      key: `b${i}`,
      source,
      protocol: OriginProtocol.GRPC,
      endpoints,
      connectTimeoutMs: 500,
      ...(i === 1 && { outlierDetection: { consecutiveFailures: 3, baseEjectionMs: 1_000, maxEjectionPercent: 50 } }),
    })),
    routes: [
      {
        key: "chaos",
        source,
        rules: policies.map((policy, index) => ({
          index,
          matches: [{ headers: [{ name: "rule", exact: String(index) }] }],
          backends: [{ target: { case: "backend" as const, value: `b${index}` }, weight: 1 }],
          ...policy,
        })),
      },
    ],
  };
}

interface Tally {
  calls: number;
  overdue: number;
  readonly statuses: Map<string, number>;
}

async function callUntil(until: number, port: number, random: () => number, tally: Tally): Promise<void> {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
    "grpc.enable_retries": 0,
    "grpc.use_local_subchannel_pool": 1,
  });
  while (performance.now() < until) {
    // oxlint-disable-next-line no-await-in-loop -- one call after the other
    const ended = await Promise.race([callOnce(client, random), delay(deadlineMs + overdueMs, "overdue" as const)]);
    tally.calls++;
    if (ended === "overdue") tally.overdue++;
    tally.statuses.set(ended, (tally.statuses.get(ended) ?? 0) + 1);
  }
  client.close();
}

const same = (bytes: Buffer): Buffer => bytes;

/** A call of some kind, which its caller may give up. Resolves to the name of its status. */
function callOnce(client: Client, random: () => number): Promise<string> {
  const metadata = new Metadata();
  metadata.set("rule", String(Math.floor(random() * backends)));
  const options = { deadline: Date.now() + deadlineMs };
  return new Promise((resolve) => {
    const done = (error: ServiceError | null): void => resolve(error === null ? "OK" : status[error.code]);
    if (random() < 0.7) {
      const bytes = Buffer.alloc(random() < 0.1 ? 100_000 : 10);
      const call = client.makeUnaryRequest("/a.B/C", same, same, bytes, metadata, options, done);
      if (random() < 0.05) setTimeout(() => call.cancel(), random() * 100);
      return;
    }
    const call = client.makeBidiStreamRequest("/a.B/C", same, same, metadata, options);
    call.on("data", () => {});
    call.on("error", () => {});
    call.on("status", ({ code }) => resolve(status[code]));
    for (let i = 0; i < 20; i++) call.write(Buffer.alloc(10_000));
    call.end();
  });
}

/** Returns what ends it and tells the edge's memory, in megabytes. */
function watchMemory({ process: child }: RunningServe): () => { atFirst: number; atMost: number } {
  const now = (): number => {
    const [, kilobytes] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${child.pid}/status`, "utf8")) ?? [];
    return Number(kilobytes) / 1024;
  };
  let atFirst = 0;
  let atMost = 0;
  let looks = 0;
  const timer = setInterval(() => {
    const megabytes = now();
    if (++looks === 2) atFirst = megabytes;
    atMost = Math.max(atMost, megabytes);
  }, 500);
  return () => {
    clearInterval(timer);
    return { atFirst: Math.round(atFirst), atMost: Math.round(Math.max(atMost, now())) };
  };
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await run();
  return Math.round(performance.now() - begin);
}

if (import.meta.main) {
  const [minutes = "10", seed = "1"] = process.argv.slice(2);
  console.log(JSON.stringify(await chaos(Number(minutes) * 60, Number(seed)), undefined, 2));
  process.exit(0);
}
