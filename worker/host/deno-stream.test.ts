import { expect, test } from "vitest";
import { DenoStream } from "./deno-stream.ts";

/** A connection whose peer takes bytes when the test says so. */
class SlowConnection implements Deno.Conn {
  readonly remoteAddr = { hostname: "127.0.0.1" };
  #take: ((count: number) => void) | undefined;

  read(): Promise<null> {
    return new Promise(() => {});
  }
  write(): Promise<number> {
    return new Promise((resolve) => (this.#take = resolve));
  }
  async take(count: number): Promise<void> {
    this.#take!(count);
    await new Promise<void>((resolve) => void setImmediate(resolve)); // the stream goes on
  }
  async closeWrite(): Promise<void> {}
  close(): void {}
}

test("a stream that is backed up says how far it is within a write", async () => {
  const connection = new SlowConnection();
  const stream = new DenoStream(connection);
  let drained = false;
  stream.open({ data() {}, drain: () => (drained = true), close() {} });
  expect(stream.write(new Uint8Array(300_000))).toBe(false);
  expect(stream.moved).toBe(0);
  await connection.take(1_000);
  expect(stream.moved).toBe(1_000);
  await connection.take(2_000);
  expect([stream.moved, drained]).toEqual([3_000, false]);
  await connection.take(200_000);
  expect([stream.moved, drained]).toEqual([203_000, true]);
});
