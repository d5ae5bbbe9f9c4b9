/**
 * What well-behaved calls notice of bad company on one Node edge: an origin that never reads, a caller that never reads,
 * and a thousand callers that read slowly. Before, meanwhile, and after.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { connect as connectHttp2 } from "node:http2";
import { setTimeout as delay } from "node:timers/promises";
import { Client, credentials, Metadata } from "@grpc/grpc-js";
import { echo } from "../../examples/services/echo.ts";
import { startGrpc } from "../../examples/services/servers.ts";
import { OriginProtocol } from "../../proto/gen/edgeway/v1/table_pb.js";
import * as frames from "../../worker/http2/testing/frames.ts";
import { serviceName } from "../contract/clients.ts";
import { runServe, type RunningServe } from "../serve/serve.ts";
import type { BenchOptions } from "./report.ts";

interface Row {
  readonly company: string;
  readonly calls: number;
  readonly failed: number;
  readonly p50: number;
  readonly p99: number;
  /** Of the edge, megabytes. */
  readonly memory: number;
}

const say = `/${serviceName}/Say`;
const stream = `/${serviceName}/Stream`;
/** By a connection of its own. */
const apart = { "grpc.use_local_subchannel_pool": 1 };
const same = (bytes: Buffer): Buffer => bytes;
/** StreamRequest {count = 1: 100,000, size = 2: 1,000}. */
const endless = Buffer.from([0x08, 0xa0, 0x8d, 0x06, 0x10, 0xe8, 0x07]);
/** Of 200 and 1,000: what is not read yet waits at the edge, and the origin is done with it. */
const answer = Buffer.from([0x08, 0xc8, 0x01, 0x10, 0xe8, 0x07]);

export default async function bench({ json, short }: BenchOptions): Promise<void> {
  const seconds = short ? 2 : 5;
  const origin = await startGrpc("origin", 0, { [serviceName]: echo("bench", "good") });
  const deaf = await originThatNeverReads();
  await using serve = await runServe();
  await serve.push(tableTo(origin.port, deaf.port));
  const port = serve.ports[0]!;
  const rows: Row[] = [];
  const measure = async (company: string): Promise<void> => void rows.push(await neighbours(serve, company, seconds));
  await neighbours(serve, "warm-up", 1);
  await measure("nobody");
  for (const [company, start] of [
    ["an origin that never reads: 64 uploads", () => uploads(port)],
    ["a caller that never reads: 64 streams", () => streamsUnread(port)],
    ["1,000 callers that read slowly", () => slowCallers(port, 1_000)],
  ] as const) {
    // oxlint-disable-next-line no-await-in-loop -- one company after the other
    const leave = await start();
    // oxlint-disable-next-line no-await-in-loop
    await measure(company);
    leave();
    // oxlint-disable-next-line no-await-in-loop
    await delay(1_000);
  }
  await measure("nobody, afterwards");
  for (const row of rows) print(row);
  if (json !== undefined) writeFileSync(json, `${JSON.stringify({ bench: "neighbours", rows }, undefined, 2)}\n`);
  deaf.close();
  await origin.stop();
}

function print({ company, calls, failed, p50, p99, memory }: Row): void {
  const times = `p50 ${p50.toFixed(2)} ms  p99 ${p99.toFixed(2)} ms`;
  console.log(`${company.padEnd(42)} ${String(calls).padStart(6)} calls  ${failed} failed  ${times}  ${memory} MB`);
}

function tableTo(good: number, deaf: number) {
  const source = { kind: "GRPCRoute", namespace: "default", name: "neighbours" };
  const to = (backend: string, index: number, matches: object[] = []) => ({
    index,
    matches,
    backends: [{ target: { case: "backend" as const, value: backend }, weight: 1 }],
  });
  const backend = (key: string, port: number) => ({
    key,
    source,
    protocol: OriginProtocol.GRPC,
    endpoints: [{ host: "127.0.0.1", port }],
  });
  return {
    cluster: "test",
    backends: [backend("good", good), backend("deaf", deaf)],
    routes: [
      { key: "r", source, rules: [to("deaf", 0, [{ headers: [{ name: "to", exact: "deaf" }] }]), to("good", 1)] },
    ],
  };
}

/** Greets by HTTP/2, and takes nothing more. */
async function originThatNeverReads() {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {}).write(frames.join(frames.settings(), frames.settingsAck));
    socket.pause();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const close = (): void => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  return { port: (server.address() as AddressInfo).port, close };
}

/** Sixteen calls at a time, for some seconds. */
async function neighbours(serve: RunningServe, company: string, seconds: number): Promise<Row> {
  const client = new Client(`127.0.0.1:${serve.ports[0]}`, credentials.createInsecure(), apart);
  const times: number[] = [];
  let failed = 0;
  const until = performance.now() + seconds * 1_000;
  const call = (): Promise<void> =>
    new Promise((resolve) => {
      const begin = performance.now();
      client.makeUnaryRequest(
        say,
        same,
        same,
        Buffer.alloc(0),
        new Metadata(),
        { deadline: Date.now() + 10_000 },
        (error) => {
          if (error === null) times.push(performance.now() - begin);
          else failed++;
          resolve();
        },
      );
    });
  const caller = async (): Promise<void> => {
    // oxlint-disable-next-line no-await-in-loop -- one call after the other
    while (performance.now() < until) await call();
  };
  await Promise.all(Array.from({ length: 16 }, caller));
  client.close();
  times.sort((a, b) => a - b);
  const at = (share: number): number => times[Math.floor(times.length * share)] ?? Number.NaN;
  return { company, calls: times.length, failed, p50: at(0.5), p99: at(0.99), memory: memoryOf(serve) };
}

function memoryOf({ process: child }: RunningServe): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${child.pid}/status`, "utf8")) ?? [];
  return Math.round(Number(kilobytes) / 1024);
}

/** Uploads as much as is taken, to the origin that takes nothing. Returns what ends it. */
async function uploads(port: number): Promise<() => void> {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), apart);
  const metadata = new Metadata();
  metadata.set("to", "deaf");
  const calls = Array.from({ length: 64 }, () => {
    const call = client.makeBidiStreamRequest(say, same, same, metadata, {});
    call.on("error", () => {});
    const fill = (): void => {
      while (call.write(Buffer.alloc(16_384)));
    };
    call.on("drain", fill);
    fill();
    return call;
  });
  await delay(500);
  return () => {
    for (const call of calls) call.cancel();
    client.close();
  };
}

/** Asks for streams by one connection, and reads nothing of it. */
async function streamsUnread(port: number): Promise<() => void> {
  const socket = connect({ port, host: "127.0.0.1" });
  socket.on("error", () => {}).pause();
  const request = frames.data(0, frames.join(Uint8Array.from([0, 0, 0, 0, endless.length]), endless), { end: true });
  socket.write(frames.join(frames.preface, frames.settings([4, 0x7fffffff]), frames.windowUpdate(0, 0x7fff0000)));
  for (let id = 1; id < 128; id += 2) {
    const body = Uint8Array.from(request);
    new DataView(body.buffer).setUint32(5, id);
    const fields = [...frames.post(stream), ["te", "trailers"], ["content-type", "application/grpc"]] as const;
    socket.write(frames.join(frames.headers(id, fields), body));
  }
  await delay(500);
  return () => void socket.destroy();
}

/** Each on a connection of its own, with a window that opens by a few bytes now and then. */
async function slowCallers(port: number, count: number): Promise<() => void> {
  const sessions = Array.from({ length: count }, () => {
    const session = connectHttp2(`http://127.0.0.1:${port}`, { settings: { initialWindowSize: 1_000 } });
    session.on("error", () => {});
    const call = session.request({
      ":method": "POST",
      ":path": stream,
      "content-type": "application/grpc",
      te: "trailers",
    });
    call.on("error", () => {}).pause();
    call.end(Buffer.concat([Buffer.from([0, 0, 0, 0, answer.length]), answer]));
    const timer = setInterval(() => call.read(100), 200);
    return { session, timer };
  });
  await delay(2_000);
  return () => {
    for (const { session, timer } of sessions) {
      clearInterval(timer);
      session.destroy();
    }
  };
}
