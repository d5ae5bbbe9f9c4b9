import { expect, test } from "vitest";
import { nearest } from "./nearest.ts";

const names = ["rate-limit", "retry-on", "jwt-issuer", "drain"] as const;

test.each([
  ["rate-limit", "rate-limit"],
  ["rate-limits", "rate-limit"],
  ["ratelimit", "rate-limit"],
  ["raet-limit", "rate-limit"],
  ["retryon", "retry-on"],
  ["darin", "drain"],
  ["jwt-isuser", "jwt-issuer"],
  ["rate", undefined],
  ["dry", undefined],
  ["", undefined],
])("of what is written as %j, %j was meant", (text, meant) => {
  expect(nearest(text, names)).toBe(meant);
});
