import { expect, test } from "vitest";
import { pickWeighted } from "./weighted.ts";

const eightToTwo = [
  { name: "a", weight: 8 },
  { name: "none", weight: 0 },
  { name: "b", weight: 2 },
];

test.each([
  [0, "a"],
  [0.799, "a"],
  [0.8, "b"],
  [0.999_999, "b"],
])("at %d of the sum of 8 and 2 it is %s", (random, name) => {
  expect(pickWeighted(eightToTwo, random)?.name).toBe(name);
});

test("a weight of zero is never picked, wherever it stands", () => {
  const choices = [{ weight: 0 }, { weight: 1 }, { weight: 0 }];
  for (let random = 0; random < 1; random += 0.01) expect(pickWeighted(choices, random)).toBe(choices[1]);
});

test("nothing is picked where there is no weight", () => {
  expect(pickWeighted([], 0.5)).toBeUndefined();
  expect(pickWeighted([{ weight: 0 }], 0)).toBeUndefined();
});
