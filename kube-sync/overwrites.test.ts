import { expect, test } from "vitest";
import { Overwrites } from "./overwrites.ts";

const minute = 60_000;

test("a table that is overwritten for ever is said from the second time on, each five minutes", () => {
  const overwrites = new Overwrites();
  const said = Array.from({ length: 41 }, (_, i) => i * 15_000).filter((now) => overwrites.happened(now));
  expect(said).toEqual([15_000, 5 * minute + 15_000]);
});

test("tables that are overwritten now and then, as leaders change, are not said", () => {
  const overwrites = new Overwrites();
  for (const now of [0, 6 * minute, 12 * minute]) expect(overwrites.happened(now)).toBe(false);
});
