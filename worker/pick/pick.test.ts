import { describe, expect, test } from "vitest";
import { consistentHash } from "./consistent-hash.ts";
import { Ejection, mayEject } from "./ejection.ts";
import { endpointId } from "./endpoint-id.ts";
import { hash } from "./hash.ts";
import { leastRequest } from "./least-request.ts";
import { orderRanked } from "./order.ts";
import { RoundRobin } from "./round-robin.ts";
import { slowStart } from "./slow-start.ts";
import { type Judged, standingOf } from "./standing.ts";

/** Numbers in [0, 1), the same each time. */
function seeded(): () => number {
  let state = 1;
  return () => {
    state = Math.imul(state, 48_271) % 0x7fffffff;
    return (state >>> 0) / 2 ** 32;
  };
}

const whole = () => 1;

describe("power of two choices", () => {
  test("takes the less loaded of two", () => {
    const candidates = [{ load: 5 }, { load: 1 }];
    expect(leastRequest(candidates, () => 0, whole)).toBe(candidates[1]);
    expect(leastRequest(candidates, () => 0.9, whole)).toBe(candidates[1]);
  });

  test("holds one of little weight for more loaded than it is", () => {
    const candidates = [{ load: 5 }, { load: 1 }];
    expect(
      leastRequest(
        candidates,
        () => 0,
        ({ load }) => (load === 1 ? 0.1 : 1),
      ),
    ).toBe(candidates[0]);
  });
});

test("round robin gives each its turn, and one of half the weight every other one", () => {
  const robin = new RoundRobin(() => 0);
  const random = seeded();
  const counts = { a: 0, b: 0, c: 0 };
  for (let i = 0; i < 10_000; i++)
    counts[robin.pick(["a", "b", "c"] as const, random, (it) => (it === "c" ? 0.5 : 1))]++;
  expect(Math.abs(counts.c / counts.b - 0.5)).toBeLessThan(0.1);
});

describe("a consistent hash", () => {
  const candidates = Array.from({ length: 10 }, (_, i) => ({ hash: hash(`endpoint ${i}`) }));

  test("spreads keys evenly", () => {
    const counts = new Map<object, number>();
    for (let key = 0; key < 10_000; key++) {
      const chosen = consistentHash(candidates, `key ${key}`);
      counts.set(chosen, (counts.get(chosen) ?? 0) + 1);
    }
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(150);
  });

  test("moves only the keys of the one that goes", () => {
    for (let key = 0; key < 1000; key++) {
      const before = consistentHash(candidates, `key ${key}`);
      if (before !== candidates[3]) expect(consistentHash(candidates.toSpliced(3, 1), `key ${key}`)).toBe(before);
    }
  });
});

test("a slow start begins with a tenth and ends with the whole", () => {
  expect([0, 500, 5000, 10_000, 20_000].map((ms) => slowStart(ms, 10_000))).toEqual([0.1, 0.1, 0.5, 1, 1]);
});

describe("ejection", () => {
  const policy = { consecutiveFailures: 2, baseEjectionMs: 100 };

  test("takes failures in a row", () => {
    const ejection = new Ejection();
    expect(ejection.failed(0, policy, () => true)).toBe(false);
    ejection.succeeded();
    expect(ejection.failed(1, policy, () => true)).toBe(false);
    expect(ejection.failed(2, policy, () => true)).toBe(true);
    expect(ejection.until).toBe(102);
  });

  test("is longer each time, and forgiven in time", () => {
    const ejection = new Ejection();
    const eject = (now: number) => {
      ejection.failed(now, policy, () => true);
      ejection.failed(now, policy, () => true);
      return ejection.until - now;
    };
    expect([eject(0), eject(100), eject(300), eject(600), eject(10_000)]).toEqual([100, 200, 300, 400, 100]);
  });

  test("spares what the backend cannot do without", () => {
    expect([mayEject(0, 2, 10), mayEject(1, 2, 10), mayEject(1, 10, 20), mayEject(2, 10, 20)]).toEqual([
      true,
      false,
      true,
      false,
    ]);
  });
});

describe("standing", () => {
  const all = (...states: string[]): readonly Judged[] =>
    states.map((state) => ({ reachable: !state.includes("u"), well: !state.includes("s") }));

  test.each([
    ["all are well", all("", "", ""), [0, 1, 2], true],
    ["one is unwell", all("s", "", ""), [1, 2], true],
    ["more than half are unwell", all("s", "s", ""), [0, 1, 2], false],
    ["one cannot be reached", all("u", "", ""), [1, 2], true],
    ["all but one cannot be reached", all("u", "u", ""), [2], false],
    ["none can be reached", all("u", "u", "u"), [0, 1, 2], false],
    ["there are none", all(), [], false],
  ] as const)("where %s", (_, endpoints, indexes, able) => {
    const standing = standingOf(endpoints);
    expect(standing.candidates.map((candidate) => endpoints.indexOf(candidate))).toEqual(indexes);
    expect(standing.able).toBe(able);
  });
});

describe("an order", () => {
  const choices = [
    { name: "spare", weight: 1, failover: 1 },
    { name: "a", weight: 8, failover: 0 },
    { name: "b", weight: 2, failover: 0 },
    { name: "none", weight: 0, failover: 0 },
  ];

  test("goes by failover, then by weight and chance", () => {
    const names = (random: number) => orderRanked(choices, () => random).map(({ name }) => name);
    expect(names(0)).toEqual(["a", "b", "none", "spare"]);
    expect(names(0.9)).toEqual(["b", "a", "none", "spare"]);
  });
});

test("an endpoint's id is its own, and tells nothing of its address", () => {
  const id = endpointId("east/default/echo:1", "10.0.0.1", 80);
  expect(id).toMatch(/^[0-9a-f]{16}$/);
  expect(id).toBe(endpointId("east/default/echo:1", "10.0.0.1", 80));
  expect(id).not.toBe(endpointId("west/default/echo:1", "10.0.0.1", 80));
});
