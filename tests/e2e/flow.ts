import { once } from "node:events";
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
/** 200 MiB of messages that are small beside every buffer: grpc-js reads 16 of them ahead. */
const size = 128 * 1024;
const count = 1600;
const payload = Buffer.alloc(size, "edgeway ");
/**
 * What may be under way between an origin and a caller that does not read: the windows, which grow to 4 MiB where the
 * path is fast, and what the kernel keeps for each of the four sockets between, up to 10 MiB. Seen are 6 to 16 MiB.
 */
const mostUnderWay = 48 * mebibyte;
/** What workerd may grow by meanwhile: its heap grows for the garbage of any traffic, but not by what it passes on. */
const mostGrowth = 150 * mebibyte;

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
      call.end({ count, size });
      const answers = call[Symbol.asyncIterator]();
      expect((await answers.next()).value).toMatchObject({ number: 1 });
      // The reader stands still until nothing moves any more.
      const underWay = await settled(() => proxy.fromOrigin, 300);
      console.log(`under way while the reader stands still: ${(underWay / mebibyte).toFixed(1)} MiB`);
      expect(underWay).toBeLessThan(mostUnderWay);

      let received = 1;
      for (let next = await answers.next(); !next.done; next = await answers.next()) {
        received += 1;
        const { number, payload: bytes } = next.value as { number: number; payload: Buffer };
        if (number !== received || bytes.length !== size) throw new Error(`message ${received} is not the one sent`);
      }
      expect(received).toBe(count);
      expect(memory.growth("200 MB down")).toBeLessThan(mostGrowth);
      client.close();
    });

    test(
      "from a caller to an origin that reads slowly leave workerd's memory bounded",
      { timeout: 60_000 },
      async () => {
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
          for (; sent < count; sent += 1) if (!call.write({ payload })) await once(call, "drain");
          call.end();
        })();
        const underWay = await settled(() => sent, 300);
        console.log(`under way while the origin stands still: ${((underWay * size) / mebibyte).toFixed(1)} MiB`);
        expect(underWay * size).toBeLessThan(mostUnderWay);

        reading.resolve();
        await sending;
        const answers = call[Symbol.asyncIterator]();
        expect((await answers.next()).value).toEqual({ messages: count, bytes: count * size });
        expect(memory.growth("200 MB up")).toBeLessThan(mostGrowth);
        client.close();
        await server.stop();
      },
    );
  });
}

/** Echo's Collect, which reads nothing before `begin`. */
function slowCollect(begin: Promise<void>) {
  return (
    call: ServerReadableStream<{ payload: Buffer }, { messages: number; bytes: number }>,
    answer: sendUnaryData<{ messages: number; bytes: number }>,
  ) => {
    let messages = 0;
    let bytes = 0;
    const read = () =>
      call.on("data", (message: { payload: Buffer }) => {
        messages += 1;
        bytes += message.payload.length;
      });
    call.on("end", () => answer(null, { messages, bytes }));
    begin.then(read, () => {});
  };
}
