import { expect, test } from "vitest";
import { simulate } from "./simulation.ts";

test("5000 random peers leave no stream, timer or call behind, and never get more than their windows allow", () => {
  let frames = 0;
  for (let seed = 1; seed <= 5000; seed++) frames += simulate(seed);
  expect(frames).toBeGreaterThan(40_000);
});
