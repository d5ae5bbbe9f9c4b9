/**
 * What long streams cost each host: a gigabyte up, then a gigabyte down, with the memory that the edge takes meanwhile; and
 * on Node ten thousand streams that are held idle, and answer when they are asked again. The edge is a process of its own.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { toJsonString } from "@bufbuild/protobuf";
import { ClusterTableSchema } from "../../proto/gen/edgeway/v1/table_pb.js";
import { Fields } from "../../worker/call/fields.ts";
import type { Body, BodySink, Handler, RequestHead } from "../../worker/call/http.ts";
import { nodeClock, nodeDefer } from "../../worker/host/node-runtime.ts";
import { connectTcp } from "../../worker/host/node-stream.ts";
import { connectHttp1 } from "../../worker/http1/connection.ts";
import { connectHttp2 } from "../../worker/http2/index.ts";
import { tableTo } from "../edges/table.ts";
import { startPeer, type Subject, subjectOf } from "./processes.ts";
import { type BenchOptions, machine } from "./report.ts";
import { Count, Flood, messageBytes, paths, service } from "./stream-flows.ts";
import { edgewayWorker, pushTable, startWorkerd } from "./workerd.ts";

const gigabyte = 1_073_741_824;
const messages = gigabyte / messageBytes;
/** What an edge may take for a stream of any length. */
const boundedBytes = 300_000_000;

/** What is held idle on Node. */
const connections = 100;
const streamsPerConnection = 100;

/** gRPC-Web has the trailers in a frame of the body. */
const webEnd = "\x80\0\0\0\x0fgrpc-status:0\r\n";

const host = "127.0.0.1";
const noTls = { cert: "", key: "" };

async function startDeno(origin: number): Promise<Subject> {
  const script = fileURLToPath(new URL("../edges/deno-edge.ts", import.meta.url));
  const deno = fileURLToPath(new URL("../../node_modules/.bin/deno", import.meta.url));
  const child = spawn(deno, ["run", "--quiet", "--allow-all", "--node-modules-dir=manual", script], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  process.once("exit", () => child.kill());
  child.stdin.end(JSON.stringify({ tables: [toJsonString(ClusterTableSchema, tableTo(service, origin))] }));
  const [line] = (await once(createInterface(child.stdout), "line")) as [string];
  return subjectOf("deno", child, { h2c: Number(line.split(" ")[1]), tls: 0 });
}

/** The largest memory that `subject` has while `work` is done. */
async function peakWhile(subject: Subject, work: Promise<void>): Promise<number> {
  let peak = subject.rss();
  const timer = setInterval(() => (peak = Math.max(peak, subject.rss())), 20);
  await work.finally(() => clearInterval(timer));
  return peak;
}

function headOf(path: string, web: boolean): RequestHead {
  const type = web ? "application/grpc-web+proto" : "application/grpc";
  const fields = new Fields(["content-type", type, "te", "trailers", "x-messages", String(messages)]);
  return { method: "POST", scheme: "http", authority: "localhost", path, fields };
}

/** Makes one call. Resolves with the bytes of its messages, once it has ended with OK. */
function stream(handle: Handler, path: string, web: boolean, body: Body): Promise<number> {
  return new Promise((resolve, reject) => {
    const ended = (count: Count, bytes: number, trailers: Fields): void => {
      if (web && count.tail.endsWith(webEnd)) resolve(bytes - webEnd.length);
      else if (trailers.get("grpc-status") === "0") resolve(bytes);
      else reject(new Error(`${path} is not OK after ${bytes} bytes: ${count.tail}`));
    };
    handle(
      { head: headOf(path, web), body },
      {
        respond: (response) => {
          const error = response.head.fields.get("grpc-message");
          if (error !== undefined) reject(new Error(error));
          const count: Count = new Count(response.body, (bytes, trailers) => ended(count, bytes, trailers), reject);
          count.start();
        },
        fail: reject,
      },
    );
  });
}

async function connectTo(port: number, web: boolean): Promise<Handler> {
  const tcp = await connectTcp({ host, port }, 2000);
  const clock = nodeClock;
  if (!web) return connectHttp2(tcp, { clock, defer: nodeDefer }).handle;
  return connectHttp1(tcp, { clock, idleMs: 3_600_000, onCapacity() {}, onClose() {} }).handle;
}

/** A gigabyte each way through `subject`, which takes gRPC-Web over HTTP/1.1 if `web`, else gRPC. */
async function floods(subject: Subject, web: boolean): Promise<void> {
  for (const way of ["up", "down"] as const) {
    // oxlint-disable-next-line no-await-in-loop
    await flood(subject, web, way);
  }
}

async function flood(subject: Subject, web: boolean, way: "up" | "down"): Promise<void> {
  const handle = await connectTo(subject.ports.h2c, web);
  const before = subject.rss();
  const cpu = subject.cpuMicros();
  const began = performance.now();
  const call = stream(handle, paths[way], web, new Flood(way === "up" ? messages : 0)).then((bytes) => {
    if (bytes !== (way === "up" ? 0 : gigabyte)) throw new Error(`${bytes} bytes came ${way}`);
  });
  const peak = await peakWhile(subject, call);
  const seconds = (performance.now() - began) / 1000;
  const spent = (subject.cpuMicros() - cpu) / 1e6;
  console.log(
    `1GB/${way}`.padEnd(12),
    subject.name.padEnd(8),
    `${(gigabyte / 1e6 / seconds).toFixed(0).padStart(5)} MB/s, ${spent.toFixed(2)} s of CPU,`,
    `RSS ${megabytes(before)} before, ${megabytes(peak)} at most`,
  );
  if (peak - before > boundedBytes) throw new Error(`${subject.name} took more than ${megabytes(boundedBytes)}`);
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;

/** A stream that is asked again and again, and stays open. */
class HeldStream implements Body, BodySink {
  readonly #ping = new Uint8Array([0, 0, 0, 0, 1, 42]);
  #request: BodySink | undefined;
  #response: Body | undefined;
  #answered: (() => void) | undefined;

  constructor(handle: Handler, failed: (error: Error) => void) {
    const respond = (body: Body): void => {
      this.#response = body;
      body.pipe(this);
    };
    handle({ head: headOf(paths.hold, false), body: this }, { respond: ({ body }) => respond(body), fail: failed });
  }
  pipe(sink: BodySink): void {
    this.#request = sink;
  }
  consumed(): void {}
  cancel(): void {}
  /** Resolves when the message that is sent has come back. */
  ask(): Promise<void> {
    return new Promise((resolve) => {
      this.#answered = resolve;
      this.#request!.write(this.#ping);
    });
  }
  write(bytes: Uint8Array): void {
    this.#response!.consumed(bytes.length);
    this.#answered?.();
  }
  end(): void {}
  fail(): void {}
}

async function idleStreams(subject: Subject): Promise<void> {
  const fail = (error: Error): void => {
    throw error;
  };
  const handles = await Promise.all(Array.from({ length: connections }, () => connectTo(subject.ports.h2c, false)));
  const before = subject.rss();
  const held = handles.flatMap((handle) =>
    Array.from({ length: streamsPerConnection }, () => new HeldStream(handle, fail)),
  );
  await Promise.all(held.map((one) => one.ask()));
  const bytes = subject.rss() - before;
  await new Promise((resolve) => setTimeout(resolve, 5000));
  const cpu = subject.cpuMicros();
  await Promise.all(held.map((one) => one.ask()));
  const micros = (subject.cpuMicros() - cpu) / held.length;
  console.log(
    `${held.length} idle streams on node: RSS ${megabytes(before)} before, ${(bytes / held.length / 1000).toFixed(1)} kB`,
    `a stream; asked again, all answer, ${micros.toFixed(0)} us of CPU each`,
  );
}

export default async function bench({ only }: BenchOptions): Promise<void> {
  const wanted = (name: string): boolean => only === undefined || only.test(name);
  console.log(machine);
  const { ports } = await startPeer("streams", { ...noTls, origin: 0, service });
  const setting = { ...noTls, origin: ports.h2c, service };
  const folder = mkdtempSync(join(tmpdir(), "edgeway-bench-"));
  const startNode = async (): Promise<Subject> => {
    const peer = await startPeer("edgeway", setting);
    return subjectOf("node", peer.child, peer.ports);
  };
  if (wanted("node")) await floods(await startNode(), false);
  if (wanted("deno")) await floods(await startDeno(ports.h2c), false);
  if (wanted("workerd")) {
    const edge = await startWorkerd("workerd", edgewayWorker, folder);
    await pushTable(edge.ports.h2c, tableTo(service, ports.h2c));
    await floods(edge, true);
  }
  if (wanted("idle")) await idleStreams(await startNode());
  rmSync(folder, { recursive: true });
  process.exit(); // its children with it
}
