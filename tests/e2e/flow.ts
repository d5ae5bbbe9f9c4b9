import { readFileSync } from "node:fs";
import type { ServerReadableStream, sendUnaryData } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import { echo } from "../../examples/services/echo.ts";
import { startGrpc } from "../../examples/services/servers.ts";
import { GrpcClient } from "./clients.ts";
import { edge } from "./edge.ts";
import { grpcService } from "./manifests.ts";
import { countingProxy } from "./peers.ts";
import { settled } from "./until.ts";

const mebibyte = 1024 * 1024;
const payload = Buffer.alloc(mebibyte, "edgeway ");
const count = 200;
/** What may be under way between an origin and a caller that does not read: every window and socket buffer between. */
const mostUnderWay = 24 * mebibyte;
/** What workerd may grow by meanwhile. */
const mostGrowth = 96 * mebibyte;

/** Resident memory of workerd, bytes. Zero where the system does not tell. */
function workerdMemory(): number {
  if (process.platform !== "linux") return 0;
  const status = readFileSync(`/proc/${edge.workerdPid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
}

/** Watches workerd's memory. */
class Memory implements Disposable {
  readonly #before = workerdMemory();
  #most = this.#before;
  readonly #timer = setInterval(() => (this.#most = Math.max(this.#most, workerdMemory())), 20);

  /** How many bytes it grew by at most. */
  growth(what: string): number {
    const figures = [this.#before, this.#most, workerdMemory()].map((bytes) => (bytes / mebibyte).toFixed(0));
    console.log(`workerd's memory in MiB, before, at most during and after ${what}: ${figures.join(", ")}`);
    return this.#most - this.#before;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

export function flow(): void {
  describe("200 MB", () => {
    test("from an origin to a slow reader leave workerd's memory bounded", { timeout: 60_000 }, async () => {
      await using proxy = await countingProxy(edge.examples.east["echo-env1"].port);
      await edge.apply("east", "flood.yaml", grpcService("flood.test", proxy.address));
      const client = new GrpcClient({ ...edge, authority: "flood.test" });
      using memory = new Memory();

      const call = client.open("edgeway.examples.v1.Echo/Stream");
      call.end({ count, size: mebibyte });
      const answers = call[Symbol.asyncIterator]();
      expect((await answers.next()).value).toMatchObject({ number: 1 });
      // The reader stands still until nothing moves any more.
      const underWay = await settled(() => proxy.fromOrigin, 300);
      console.log(`under way while the reader stands still: ${(underWay / mebibyte).toFixed(1)} MiB`);
      expect(underWay).toBeLessThan(mostUnderWay);

      let received = 1;
      for (let next = await answers.next(); !next.done; next = await answers.next()) {
        received += 1;
        expect(next.value).toMatchObject({ number: received });
        expect(next.value["payload"]).toHaveLength(mebibyte);
      }
      expect(received).toBe(count);
      expect(memory.growth("200 MB down")).toBeLessThan(mostGrowth);
      client.close();
    });

    test("from a caller to an origin that reads slowly leave workerd's memory bounded", { timeout: 60_000 }, async () => {
      const reading = Promise.withResolvers<void>();
      const collect = slowCollect(reading.promise);
      const server = await startGrpc("slow", 0, {
        "edgeway.examples.v1.Echo": { ...echo("east", "slow"), collect },
      });
      await using proxy = await countingProxy(server.port);
      await edge.apply("east", "drain.yaml", grpcService("drain.test", proxy.address));
      const client = new GrpcClient({ ...edge, authority: "drain.test" });
      using memory = new Memory();

      const call = client.open("edgeway.examples.v1.Echo/Collect");
      let sent = 0;
      const sending = (async () => {
        for (; sent < count; sent += 1) await new Promise<void>((resolve) => call.write({ payload }, () => resolve()));
        call.end();
      })();
      const underWay = await settled(() => sent, 300);
      console.log(`under way while the origin stands still: ${underWay} MiB`);
      expect(underWay * mebibyte).toBeLessThan(mostUnderWay);

      reading.resolve();
      await sending;
      const answers = call[Symbol.asyncIterator]();
      expect((await answers.next()).value).toEqual({ messages: count, bytes: count * mebibyte });
      expect(memory.growth("200 MB up")).toBeLessThan(mostGrowth);
      client.close();
      await server.stop();
    });
  });
}

/** Echo's Collect, which reads nothing before `begin`. */
function slowCollect(begin: Promise<void>) {
  return async (
    call: ServerReadableStream<{ payload: Buffer }, { messages: number; bytes: number }>,
    answer: sendUnaryData<{ messages: number; bytes: number }>,
  ) => {
    await begin;
    let messages = 0;
    let bytes = 0;
    for await (const message of call as AsyncIterable<{ payload: Buffer }>) {
      messages += 1;
      bytes += message.payload.length;
    }
    answer(null, { messages, bytes });
  };
}
