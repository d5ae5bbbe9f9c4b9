import { expect, test } from "vitest";
import { ManualClock } from "../http2/testing/scripted-peer.ts";
import { FallbackWriter } from "./cloudflare-fallback.ts";

/** KV that takes writes or does not, and a table of one byte. */
class World {
  readonly clock = new ManualClock();
  readonly lines: string[] = [];
  table = Uint8Array.of(1);
  takes = true;
  /** When something was written, or was to be, and what. */
  readonly puts: (readonly [at: number, byte: number])[] = [];
  readonly writer = new FallbackWriter({
    kv: { put: (_, value) => this.#put(value as Uint8Array) },
    table: () => this.table,
    clock: this.clock,
    log: (line) => this.lines.push(line),
  });

  async #put(table: Uint8Array): Promise<void> {
    this.puts.push([this.clock.now(), table[0]!]);
    if (!this.takes) throw new Error("KV is away");
  }

  async pass(seconds: number): Promise<void> {
    for (let i = 0; i < seconds; i++) {
      this.clock.advance(1_000);
      // oxlint-disable-next-line no-await-in-loop -- a write that ended may have the next one wait
      await new Promise(setImmediate);
    }
  }
}

test("the copy is written a second after a change, and for changes within it once", async () => {
  const world = new World();
  world.writer.changed();
  world.table = Uint8Array.of(2);
  world.writer.changed();
  await world.pass(10);
  expect(world.puts).toEqual([[1_000, 2]]);
  expect(world.lines).toEqual([]);
});

test("a write that fails is made again, less and less often, until KV takes it", async () => {
  const world = new World();
  world.takes = false;
  world.writer.changed();
  await world.pass(200);
  const times = world.puts.map(([at]) => at / 1_000);
  expect(times).toEqual([1, 3, 7, 15, 31, 63, 123, 183]);
  expect(world.lines[1]).toBe("the table's copy in KV is old, and is written again in 4 s: Error: KV is away");
  world.takes = true;
  world.table = Uint8Array.of(3);
  await world.pass(100);
  expect(world.puts.slice(times.length)).toEqual([[243_000, 3]]);
  world.writer.changed();
  await world.pass(1);
  expect(world.puts.at(-1)).toEqual([301_000, 3]);
});

test("a table that is too large for KV is not tried again", async () => {
  const world = new World();
  world.table = new Uint8Array(26 * 1024 * 1024);
  world.writer.changed();
  await world.pass(100);
  expect(world.puts).toEqual([]);
  expect(world.lines).toEqual([expect.stringContaining("has 27262976 bytes, and KV takes 26214400")]);
});
