import { expect, test } from "vitest";
import { seldom } from "./seldom.ts";

test("of many lines one in five seconds is logged, with the number of those that were not", () => {
  const lines: string[] = [];
  let now = 1_000;
  const log = seldom(
    (line) => lines.push(line),
    () => now,
  );
  for (const each of ["a", "b", "c"]) log(each);
  now += 4_999;
  log("d");
  expect(lines).toEqual(["a"]);
  now += 1;
  log("e");
  now += 5_000;
  log("f");
  expect(lines).toEqual(["a", "e (and 3 more like it since the last that was logged)", "f"]);
});
