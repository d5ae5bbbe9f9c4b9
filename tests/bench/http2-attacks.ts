/**
 * What each known attack on HTTP/2 costs the engine's server: memory, processor time, how long the attacker is borne, and
 * what a well-behaved connection beside it notices.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { connect as connectSocket, type Socket } from "node:net";
import { fileURLToPath } from "node:url";
import type { Http2Limits } from "../../worker/http2/index.ts";
import * as frames from "../../worker/http2/testing/frames.ts";
import { call, connect } from "../http2/subjects.ts";
import type { Report } from "./http2-attacks-child.ts";
import type { BenchOptions } from "./report.ts";

/** An attacker that is not stopped is, after this. */
const patienceMs = 10_000;
/** Bytes that an attack sends in one go. */
const batch = 500;

interface Attack {
  readonly name: string;
  /** The limit that should stop it. */
  readonly limit: keyof Http2Limits;
  /** Sent once. */
  readonly first?: Uint8Array;
  /** Sent again and again. */
  readonly next: (i: number) => Uint8Array;
  /** Waits this long between one and the next. */
  readonly pauseMs?: number;
  readonly reads?: boolean;
}

const odd = (i: number): number => i * 2 + 1;
const ended = { end: true };
const open = frames.headers(1, frames.post("/hold"));

function bomb(): Uint8Array {
  const value = new Uint8Array(127 + 29 * 128).fill(0x79);
  return frames.frame(1, 5, 1, [0x82, 0x86, 0x84, 0x40, 1, 0x78, 127, 0x80, 29, ...value]);
}

function churn(i: number): Uint8Array {
  const block = [0x20, 0x3f, 0xe1, 0x1f, 0x82, 0x86, 0x84];
  for (let field = 0; field < 200; field++) block.push(0x40, 1, 0x78, 2, 0x61 + (field % 26), 0x61 + (i % 26));
  return frames.frame(1, 5, odd(i), block);
}

const attacks: readonly Attack[] = [
  {
    name: "CONTINUATION flood",
    limit: "maxContinuations",
    first: frames.frame(1, 1, 1, [0x82]),
    next: () => frames.frame(9, 0, 1, new Uint8Array(1000)),
  },
  {
    name: "rapid reset",
    limit: "resetBurst",
    next: (i) => frames.join(frames.headers(odd(i), frames.get("/hold"), ended), frames.rst(odd(i))),
  },
  {
    name: "MadeYouReset",
    limit: "provokedResetBurst",
    next: (i) => frames.join(frames.headers(odd(i), frames.get("/hold"), ended), frames.windowUpdate(odd(i), 0)),
  },
  {
    name: "HPACK bomb",
    limit: "maxHeaderListBytes",
    first: bomb(),
    next: (i) => frames.frame(1, 5, odd(i + 1), [0x82, 0x86, 0x84, ...new Uint8Array(16_000).fill(0xbe)]),
  },
  { name: "HPACK table churn", limit: "resetBurst", next: (i) => frames.join(churn(i), frames.rst(odd(i))) },
  {
    name: "header list over the limit",
    limit: "maxHeaderListBytes",
    next: (i) =>
      frames.headers(odd(i), [...frames.get(), ...Array.from({ length: 400 }, () => ["cookie", ""] as const)], ended),
  },
  { name: "SETTINGS flood", limit: "settingsBurst", next: () => frames.settings() },
  { name: "PING flood", limit: "pingBurst", next: (i) => frames.ping(i) },
  { name: "PRIORITY flood", limit: "idleFrameBurst", next: () => frames.frame(2, 0, 1, [0, 0, 0, 0, 16]) },
  { name: "empty DATA flood", limit: "emptyDataBurst", first: open, next: () => frames.data(1, "") },
  {
    name: "zero WINDOW_UPDATE flood",
    limit: "provokedResetBurst",
    next: (i) => frames.join(frames.headers(odd(i), frames.post("/hold")), frames.windowUpdate(odd(i), 0)),
  },
  { name: "tiny WINDOW_UPDATE flood", limit: "windowUpdateBurst", first: open, next: () => frames.windowUpdate(1, 1) },
  {
    name: "a peer that never reads",
    limit: "writeStallMs",
    first: frames.join(frames.settings([4, 0x7fffffff]), frames.windowUpdate(0, 0x7fff0000)),
    next: (i) => (i < 20 ? frames.headers(odd(i), frames.get("/large"), ended) : frames.frame(0xee, 0, 0)),
    pauseMs: 20,
    reads: false,
  },
  {
    name: "a window that stays closed",
    limit: "sendStallMs",
    first: frames.settings([4, 0]),
    next: (i) => (i < 100 ? frames.headers(odd(i), frames.get("/large"), ended) : frames.frame(0xee, 0, 0)),
    pauseMs: 20,
  },
  {
    name: "trickled header block",
    limit: "readStallMs",
    first: frames.frame(1, 1, 1, [0x82]),
    next: () => frames.frame(9, 0, 1, [0x86]),
    pauseMs: 200,
  },
];

interface Row {
  readonly attack: string;
  readonly limit: string;
  /** How often the limit was counted. */
  readonly counted: number;
  /** Until the server closed the attacker's connection; undefined if it did not. */
  readonly stoppedAfterMs: number | undefined;
  /** Above what the server held before. */
  readonly peakMegabytes: number;
  readonly cpuMs: number;
  readonly neighbour: { readonly calls: number; readonly failed: number; readonly p99Ms: number };
}

/** Attacks until the server has enough. */
async function attack({ first, next, pauseMs, reads }: Attack, port: number): Promise<number | undefined> {
  const socket: Socket = connectSocket({ port, host: "127.0.0.1" });
  socket.on("error", () => {});
  if (reads !== false) socket.resume();
  const began = performance.now();
  const stopped: { at?: number } = {};
  socket.once("close", () => (stopped.at ??= performance.now()));
  socket.once("end", () => (stopped.at ??= performance.now()));
  socket.write(frames.join(frames.preface, frames.settings(), first ?? new Uint8Array(0)));
  for (let i = 0; stopped.at === undefined && performance.now() - began < patienceMs;) {
    const count = pauseMs === undefined ? batch : 1;
    socket.write(frames.join(...Array.from({ length: count }, () => next(i++))));
    await new Promise((resolve) => setTimeout(resolve, pauseMs ?? 0));
  }
  socket.destroy();
  return stopped.at === undefined ? undefined : stopped.at - began;
}

/** A connection that calls, one call at a time, until told to stop. */
async function neighbour(port: number, stop: { asked: boolean }): Promise<Row["neighbour"]> {
  const client = await connect(port);
  const latencies: number[] = [];
  let failed = 0;
  while (!stop.asked) {
    const at = performance.now();
    await call(client, { method: "GET" }).catch(() => failed++);
    latencies.push(performance.now() - at);
  }
  client.close();
  latencies.sort((a, b) => a - b);
  return { calls: latencies.length, failed, p99Ms: latencies[Math.floor((latencies.length - 1) * 0.99)]! };
}

export default async function bench({ json }: BenchOptions): Promise<void> {
  const rows: Row[] = [];
  for (const one of attacks) {
    const path = fileURLToPath(new URL("http2-attacks-child.ts", import.meta.url));
    const server = fork(path, { execArgv: ["--expose-gc"] });
    const [port] = (await once(server, "message")) as [number];
    const report = async (order: "forget" | "tell"): Promise<Report> => {
      const answer = once(server, "message");
      server.send(order);
      const [told] = (await answer) as [Report];
      return told;
    };
    const stop = { asked: false };
    const beside = neighbour(port, stop);
    const before = await report("forget");
    const stoppedAfterMs = await attack(one, port);
    const after = await report("tell");
    stop.asked = true;
    const row: Row = {
      attack: one.name,
      limit: one.limit,
      counted: after.counters[one.limit],
      stoppedAfterMs,
      peakMegabytes: (after.peakBytes - before.peakBytes) / 1e6,
      cpuMs: (after.cpuMicros - before.cpuMicros) / 1000,
      neighbour: await beside,
    };
    server.disconnect();
    rows.push(row);
    const stopped = stoppedAfterMs === undefined ? "not stopped" : `stopped after ${stoppedAfterMs.toFixed(0)} ms`;
    const { calls, failed, p99Ms } = row.neighbour;
    console.log(
      `${one.name.padEnd(27)} ${one.limit.padEnd(19)} x${row.counted}  ${stopped}  peak +${row.peakMegabytes.toFixed(1)} MB` +
        `  cpu ${row.cpuMs.toFixed(0)} ms  neighbour: ${calls} calls, ${failed} failed, p99 ${p99Ms.toFixed(1)} ms`,
    );
  }
  if (json !== undefined) writeFileSync(json, JSON.stringify({ rows }, undefined, 2));
}
