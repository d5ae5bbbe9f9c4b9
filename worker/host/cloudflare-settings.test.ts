import { expect, test } from "vitest";
import { millisOf } from "./cloudflare-settings.ts";

const name = "EDGEWAY_ORIGIN_IDLE_SECONDS";

function read(value: string | number | undefined): { readonly millis: number; readonly lines: readonly string[] } {
  const lines: string[] = [];
  return { millis: millisOf(name, value, 30, (line) => lines.push(line)), lines };
}

test.each([
  ["5", 5_000],
  ["0", 0],
  ["999999", 999_999_000],
  [7, 7_000],
  ["", 30_000],
  [undefined, 30_000],
])("%j seconds are %i ms", (value, millis) => {
  expect(read(value)).toEqual({ millis, lines: [] });
});

test.each(["abc", "-1", "1e3", "NaN", "1000000", "30 s"])("%j is logged, and the default is taken", (value) => {
  const said = `edgeway: ${name} must be a whole number of seconds, 999999 at most, not "${value}": it counts as 30`;
  expect(read(value)).toEqual({ millis: 30_000, lines: [said] });
});
