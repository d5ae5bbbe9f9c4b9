import { expect, test } from "vitest";
import { formatGrpcTimeout, parseConnectTimeout, parseGrpcTimeout } from "./timeout.ts";

test.each([
  ["1H", 3_600_000],
  ["2M", 120_000],
  ["3S", 3_000],
  ["250m", 250],
  ["500u", 0.5],
  ["99999999n", 99.999999],
  ["0m", 0],
])("grpc-timeout %s is %d ms", (text, ms) => expect(parseGrpcTimeout(text)).toBeCloseTo(ms, 9));

test.each(["", "m", "5", "-5m", "+5m", "5.5m", "5 m", "123456789m", "5s", "5h", "0x5m"])(
  "grpc-timeout %j is malformed",
  (text) => expect(parseGrpcTimeout(text)).toBeUndefined(),
);

test("a deadline is passed on without growing, and without more than eight digits", () => {
  for (const ms of [1e-9, 0.0005, 0.25, 1, 1.9, 250, 12_345.678, 99_999_999, 1e8, 123_456_789_012, 1e15, 1e20]) {
    const text = formatGrpcTimeout(ms);
    expect(text).toMatch(/^\d{1,8}[HMSmun]$/);
    const passed = parseGrpcTimeout(text)!;
    expect(passed).toBeLessThanOrEqual(Math.max(ms, 1e-6));
    if (ms < 3e14 && ms > 1e-6) expect(passed).toBeGreaterThan(ms / 2);
  }
});

test("connect-timeout-ms has one to ten digits", () => {
  expect(parseConnectTimeout("0")).toBe(0);
  expect(parseConnectTimeout("9999999999")).toBe(9_999_999_999);
  for (const text of ["", "10000000000", "-1", "1.5", "1m", " 1"]) expect(parseConnectTimeout(text)).toBeUndefined();
});
