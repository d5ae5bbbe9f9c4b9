import { describe, expect, test } from "vitest";
import { metricFamilies } from "./metrics.ts";
import { expose } from "./prometheus.ts";
import { record } from "./record.fixture.ts";
import { isError, latencyBounds, otherRoutes, Tally } from "./tally.ts";
import { slotMs, Traffic, TrafficCounter } from "./traffic.ts";

const here = { source: "a", pools: [], http2: {}, spansDropped: 0 };

describe("Tally", () => {
  test("counts calls that have route, backend, protocol and status in common together", () => {
    const tally = new Tally();
    for (const call of [record(), record({ durationMs: 4 }), record({ grpcStatus: 5 })]) {
      tally.began(call);
      tally.ended(call);
    }
    const [ok, notFound] = [...tally.rows];
    expect(ok).toMatchObject({
      route: "east/GRPCRoute/default/r/0",
      status: "0",
      calls: 2,
      requestBytes: 20,
      errors: 0,
    });
    expect(notFound).toMatchObject({ status: "5", calls: 1, errors: 0 });
    expect(ok!.seconds).toBeCloseTo(0.007);
    expect(ok!.buckets[latencyBounds.indexOf(0.005)]).toBe(2);
  });

  test("knows which calls are under way", () => {
    const tally = new Tally();
    const [a, b] = [record(), record()];
    tally.began(a);
    tally.began(b);
    tally.ended({ ...a, backend: "west/default/a:80" });
    expect(tally.open).toEqual([{ route: "east/GRPCRoute/default/r/0", count: 1 }]);
    tally.ended(b);
    expect(tally.open).toEqual([]);
  });

  test("tells common HTTP statuses apart, and of others the class", () => {
    const tally = new Tally();
    for (let httpStatus = 200; httpStatus < 600; httpStatus++)
      tally.ended(record({ protocol: "http", grpcStatus: undefined, httpStatus }));
    const statuses = [...tally.rows].map(({ status }) => status);
    expect(statuses).toEqual(expect.arrayContaining(["200", "404", "503", "2xx", "4xx", "5xx"]));
    expect(statuses.length).toBeLessThan(50);
  });

  test("keeps no more than so many routes apart, whatever callers ask for", () => {
    const tally = new Tally();
    for (let i = 0; i < 5_000; i++) tally.ended(record({ backend: `b${i}` }));
    const rows = [...tally.rows];
    expect(rows.length).toBe(2_001);
    expect(rows.at(-1)).toMatchObject({ route: otherRoutes, calls: 3_000 });
  });
});

test.each([
  [{ grpcStatus: 5 }, false],
  [{ grpcStatus: 14 }, true],
  [{ protocol: "http", grpcStatus: undefined, httpStatus: 404, side: "edge" }, false],
  [{ protocol: "http", grpcStatus: undefined, httpStatus: 503 }, true],
  [{ protocol: "http", grpcStatus: undefined, httpStatus: 200, side: "origin" }, true],
  [{ protocol: "http", grpcStatus: undefined, httpStatus: 200, side: "caller" }, false],
] as const)("%o is the server's error: %s", (init, error) => {
  expect(isError(record(init))).toBe(error);
});

describe("Traffic", () => {
  function reported(now: () => number) {
    const traffic = new Traffic(now);
    const counter = new TrafficCounter();
    return {
      traffic,
      call: (init: Parameters<typeof record>[0] = {}, source = "a") => {
        const call = record(init);
        counter.began(call);
        counter.ended(call);
        traffic.add(counter.take({ ...here, source }));
      },
    };
  }

  test("adds up what isolates report", () => {
    const { traffic, call } = reported(() => 0);
    call({}, "a");
    call({}, "b");
    expect(traffic.view(0).totals).toMatchObject([{ calls: 2 }]);
  });

  test("has a slot for each time with calls, once it is over, and those after the last that was seen", () => {
    let now = 10 * slotMs;
    const { traffic, call } = reported(() => now);
    call();
    expect(traffic.view(0).slots).toEqual([]);
    now += 3 * slotMs;
    call();
    now += slotMs;
    const { slots } = traffic.view(0);
    expect(slots.map(({ at }) => at / slotMs)).toEqual([10, 13]);
    expect(traffic.view(slots[0]!.at).slots.map(({ at }) => at / slotMs)).toEqual([13]);
  });

  test("forgets what is older than five minutes, but for the totals", () => {
    let now = slotMs;
    const { traffic, call } = reported(() => now);
    call();
    now += 200 * slotMs;
    call();
    now += slotMs;
    const { slots, totals } = traffic.view(0);
    expect([slots.length, totals[0]?.calls]).toEqual([1, 2]);
  });

  test("with new routes each hour for months neither grows without end, nor counts the newest together", () => {
    let now = 0;
    const { traffic, call } = reported(() => now);
    const routeOf = (name: string) => ({ ...record().rule!, name });
    const page = () => {
      const sources = { traffic: traffic.view(0), clusters: [], pushes: { accepted: 0, refused: {} } };
      return expose(metricFamilies(sources));
    };
    const hours = 90 * 24;
    let month = 0;
    for (let hour = 0; hour < hours; hour++) {
      for (let i = 0; i < 50; i++) call({ rule: routeOf(`made-${hour}-${i}`) });
      call({ rule: routeOf("always") });
      now += 3_600_000;
      if (hour === 30 * 24) month = page().length;
    }
    const { totals } = traffic.view(0);
    expect(totals.length).toBeLessThanOrEqual(2_000);
    expect(page().length).toBeLessThan(month * 1.1);
    const countOf = (name: string) => totals.find(({ route }) => route.includes(`/${name}/`))?.calls;
    expect(countOf(`made-${hours - 1}-49`)).toBe(1);
    expect(countOf("made-0-0")).toBeUndefined();
    expect(countOf("always")).toBe(hours);
  });

  test("counts calls of too many routes together as long as all of them have calls", () => {
    let now = 0;
    const { traffic, call } = reported(() => now);
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 2_500; i++) call({ backend: `b${i}` });
      now += 300_000;
    }
    const { totals } = traffic.view(0);
    expect(totals.find(({ backend }) => backend === "b0")?.calls).toBe(3);
    expect(totals.find(({ route }) => route === otherRoutes)?.calls).toBe(1_500);
  });

  test("takes an isolate's last word on what is open and on its connections", () => {
    const traffic = new Traffic(() => 0);
    const pool = {
      backend: "b",
      state: "well",
      host: "h",
      port: 1,
      protocol: "http2",
      tls: true,
      connections: 1,
      calls: 2,
      waiting: 0,
    } as const;
    const open = [{ route: "r", count: 2 }];
    traffic.add({ ...here, rows: [], failed: [], open, pools: [pool] });
    traffic.add({ ...here, source: "b", rows: [], failed: [], open, pools: [{ ...pool, state: "ejected" }] });
    const both = { ...pool, connections: 2, calls: 4, state: "ejected" };
    expect(traffic.view(0)).toMatchObject({ open: [{ route: "r", count: 4 }], pools: [both] });
    traffic.add({ ...here, rows: [], failed: [], open: [], pools: [] });
    expect(traffic.view(0)).toMatchObject({ open: [{ route: "r", count: 2 }], pools: [{ ...pool, state: "ejected" }] });
  });

  test("an isolate that is gone has neither calls nor connections; what it counted in all stays", () => {
    const traffic = new Traffic(() => 0);
    const open = [{ route: "r", count: 2 }];
    const report = { ...here, rows: [], failed: [], open, http2: { pingBurst: 3 }, spansDropped: 1 };
    traffic.add({ ...report, source: "a" });
    traffic.add({ ...report, source: "b" });
    traffic.gone("a");
    traffic.gone("a");
    expect(traffic.view(0)).toMatchObject({ open, http2: { pingBurst: 6 }, spansDropped: 2 });
  });

  test("keeps the last failed calls with their reason", () => {
    const { traffic, call } = reported(() => 0);
    for (let i = 0; i < 150; i++) call({ grpcStatus: 14, side: "origin", reason: `${i}${"x".repeat(1000)}` });
    call();
    const { failed } = traffic.view(0);
    expect(failed.length).toBe(100);
    expect(failed.at(-1)).toMatchObject({ grpcStatus: 14, side: "origin", backend: "east/default/a:80" });
    expect(failed.at(-1)!.reason).toHaveLength(300);
  });
});
