/** The server that is attacked, in a process of its own so that its memory can be told. Orders come from the parent. */
import { createServer } from "node:net";
import type { Body } from "../../worker/call/http.ts";
import { Fields } from "../../worker/call/fields.ts";
import { nodeClock, nodeDefer } from "../../worker/host/node-runtime.ts";
import { nodeStream } from "../../worker/host/node-stream.ts";
import { type Http2Counters, newCounters, serveHttp2 } from "../../worker/http2/index.ts";
import { bodyOf, portOf } from "../http2/subjects.ts";

export interface Report {
  readonly peakBytes: number;
  readonly cpuMicros: number;
  readonly counters: Http2Counters;
}

const counters = newCounters();
const large = new Uint8Array(16_000_000);
/** Time limits are shortened, so that the bench need not wait for them. */
const limits = { readStallMs: 1000, writeStallMs: 1000, sendStallMs: 1000 };
let peakBytes = 0;

const server = createServer((socket) => {
  serveHttp2(nodeStream(socket), {
    clock: nodeClock,
    defer: nodeDefer,
    scheme: "http",
    counters,
    limits,
    handler: ({ head, body }, answer) => {
      const reply: Body = bodyOf(head.path === "/large" ? large : new Uint8Array(100));
      if (head.path !== "/hold") answer.respond({ head: { status: 200, fields: Fields.empty }, body: reply });
      return (reason) => body.cancel(reason);
    },
  });
});

function measure(): void {
  const { heapUsed, external } = process.memoryUsage();
  peakBytes = Math.max(peakBytes, heapUsed + external);
}

setInterval(measure, 20);
process.on("message", (order) => {
  if (order === "forget") {
    globalThis.gc?.();
    peakBytes = 0;
  }
  measure();
  const { user, system } = process.cpuUsage();
  const report: Report = { peakBytes, cpuMicros: user + system, counters: { ...counters } };
  process.send!(report);
});
process.on("disconnect", () => process.exit());
server.listen(0, "127.0.0.1", () => process.send!(portOf(server)));
