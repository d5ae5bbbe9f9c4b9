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
