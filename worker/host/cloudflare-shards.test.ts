import { expect, test } from "vitest";
import { Shards } from "./cloudflare-shards.ts";

/** Of `calls` calls in the second from `begin`, how many went to each object. */
function spread(shards: Shards, begin: number, calls: number): number[] {
  const counts: number[] = [];
  for (let i = 0; i < calls; i++) {
    const shard = shards.pick("echo", begin + (i * 1000) / calls, () => (i * 0.618_033) % 1);
    counts[shard] = (counts[shard] ?? 0) + 1;
  }
  return counts;
}

test("one object carries up to a thousand calls a second; more share more", () => {
  const shards = new Shards();
  expect(spread(shards, 0, 1000)).toEqual([1000]);
  spread(shards, 1000, 3500);
  const counts = spread(shards, 2000, 3500);
  expect(counts).toHaveLength(4);
  for (const count of counts) expect(count).toBeLessThan(1000);
  expect(spread(shards, 9000, 500)).toEqual([500]);
});

test("each backend counts for itself", () => {
  const shards = new Shards();
  spread(shards, 0, 5000);
  expect(shards.pick("other", 999, () => 0.99)).toBe(0);
});

test("isolates that hear from an object of too many calls spread theirs, and come back together when it is quiet", () => {
  const shards = new Shards();
  const used = (at: number): number => spread(shards, at, 100).length;
  expect(used(0)).toBe(1);
  // Of 30 isolates with a hundred calls each: all at one object.
  shards.tooMany("echo", 3000, 1000);
  expect(used(1000)).toBe(3);
  // The others have not heard it yet: that is no reason to spread further.
  shards.tooMany("echo", 2000, 2000);
  expect(used(2000)).toBe(3);
  shards.tooMany("echo", 1300, 4000);
  expect(used(4000)).toBe(4);
  expect([14_000, 24_000, 34_000, 44_000].map(used)).toEqual([3, 2, 1, 1]);
  expect(shards.pick("other", 4000, () => 0.99)).toBe(0);
});

test("however many calls there are, a backend has so many objects and no more", () => {
  const shards = new Shards();
  for (let second = 0; second < 20; second += 2) shards.tooMany("echo", 50_000, second * 1000);
  expect(shards.pick("echo", 20_000, () => 0.999)).toBe(63);
});
