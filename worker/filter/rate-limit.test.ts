import { expect, test } from "vitest";
import type { RateLimit } from "../../routes/policies.ts";
import { Fields } from "../call/fields.ts";
import { rateKeyOf, RateLimits, sharedKey } from "./rate-limit.ts";

const limit: RateLimit = { kind: "rateLimit", calls: 10, periodMs: 1_000, burst: 3, key: undefined, id: "a" };

function limits() {
  const clock = { now: 5_000 };
  return { clock, limits: new RateLimits(() => clock.now) };
}

test("a burst passes at once, and what follows at the limit's pace", () => {
  const { clock, limits: own } = limits();
  expect([1, 2, 3].map(() => own.take(limit, ""))).toEqual([0, 0, 0]);
  expect(own.take(limit, "")).toBe(100);
  clock.now += 99;
  expect(own.take(limit, "")).toBe(1);
  clock.now += 1;
  expect(own.take(limit, "")).toBe(0);
  expect(own.take(limit, "")).toBe(100);
});

test("over a long time no more pass than the limit says, and a pause earns one burst", () => {
  const { clock, limits: own } = limits();
  let passed = 0;
  for (let i = 0; i < 10_000; i++, clock.now++) if (own.take(limit, "") === 0) passed++;
  expect(passed).toBe(103 - 1);
  clock.now += 60_000;
  expect([1, 2, 3, 4].map(() => own.take(limit, "") === 0)).toEqual([true, true, true, false]);
});

test("keys are counted apart, and so are limits", () => {
  const { limits: own } = limits();
  const one = { ...limit, burst: 1 };
  expect([own.take(one, "x"), own.take(one, "y"), own.take({ ...one, id: "b" }, "x")]).toEqual([0, 0, 0]);
  expect(own.take(one, "x")).toBeGreaterThan(0);
});

test("a hundred thousand keys and more are taken, and the memory of them is bounded", () => {
  const { clock, limits: own } = limits();
  const one = { ...limit, burst: 1 };
  let waits = 0;
  for (let i = 0; i < 250_000; i++) waits += own.take(one, String(i));
  expect(waits).toBe(0);
  expect(own.take(one, "249999")).toBeGreaterThan(0);
  clock.now += 1_000;
  expect(own.take(one, "249999")).toBe(0);
});

test("the key is a header's value, or the caller's address", () => {
  const fields = new Fields(["x-user", "alice"]);
  expect(rateKeyOf(limit, fields, "192.0.2.7")).toBe("");
  expect(rateKeyOf({ ...limit, key: { header: "x-user" } }, fields, "192.0.2.7")).toBe("alice");
  expect(rateKeyOf({ ...limit, key: { header: "x-other" } }, fields, "192.0.2.7")).toBe("");
  expect(rateKeyOf({ ...limit, key: "source" }, fields, "192.0.2.7")).toBe("192.0.2.7");
});

test.each([
  ["2001:db8:1:2::7", "2001:db8:1:2:ffff:ffff:ffff:ffff", true],
  ["2001:db8::7", "2001:0db8:0:0:1::", true],
  ["2001:db8:1:2::7", "2001:db8:1:3::7", false],
  ["::ffff:192.0.2.7", "192.0.2.7", true],
  ["::ffff:192.0.2.7", "::ffff:192.0.2.8", false],
  ["0:0:0:0:0:ffff:c000:207", "0:0:0:0:0:ffff:c000:208", false],
  ["fe80::1%eth0", "fe80::2%eth0", true],
])("callers from %s and %s are counted as one: %s", (one, other, same) => {
  const keyOf = (address: string) => rateKeyOf({ ...limit, key: "source" }, Fields.empty, address);
  expect(keyOf(one) === keyOf(other)).toBe(same);
});

test("of long keys that are alike but at their end no more is kept than of short ones, and each counts by itself", () => {
  const { limits: own } = limits();
  const one = { ...limit, burst: 1 };
  const long = "a".repeat(60_000);
  expect([own.take(one, `${long}1`), own.take(one, `${long}2`)]).toEqual([0, 0]);
  expect(own.take(one, `${long}1`)).toBeGreaterThan(0);
  // V8 takes strings of more than 16,383 characters for alike if they are as long: this many would take minutes.
  for (let i = 1_000; i < 6_000; i++) expect(own.take(one, `${"a".repeat(16_384)}${i}`)).toBe(0);
});

test("what others count by is short, and not the same for keys that differ", async () => {
  expect(await sharedKey("alice")).toBe("alice");
  const [a, b] = [await sharedKey(`${"x".repeat(300)}a`), await sharedKey(`${"x".repeat(300)}b`)];
  expect(a).not.toBe(b);
  expect(a.length).toBeLessThan(256);
});
