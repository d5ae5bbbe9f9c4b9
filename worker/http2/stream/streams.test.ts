import { expect, test } from "vitest";

import { Streams } from "./streams.ts";

test("streams are found by their ids until they go, however many came since", () => {
  const streams = new Streams<{ readonly id: number }>();
  const known = new Map<number, { readonly id: number }>();
  let seed = 7;
  const below = (bound: number): number => (seed = (seed * 16_807) % 2_147_483_647) % bound;
  for (let id = 1; id < 20_000; id += 2) {
    const stream = { id };
    streams.add(stream);
    known.set(id, stream);
    // Most go at once, some stay for long.
    for (const old of known.keys()) {
      if (known.size < 40 && below(10) > 0) break;
      if (below(3) === 0) continue;
      expect(streams.delete(old)).toBe(true);
      known.delete(old);
      if (known.size < 60) break;
    }
    expect(streams.size).toBe(known.size);
  }
  for (let id = 1; id < 20_000; id += 2) expect(streams.get(id)).toBe(known.get(id));
  expect(streams.values()).toEqual([...known.values()]);
  expect(streams.delete(1_000_001)).toBe(false);
});
