import { expect, test } from "vitest";
import type { HealthCheck } from "../../routes/policies.ts";
import type { ByteStream } from "../call/byte-stream.ts";
import { ManualClock, Peer } from "../http2/testing/scripted-peer.ts";
import { echo } from "./backend.fixture.ts";
import { LiveBackend } from "./backend.ts";
import { LiveEndpoint } from "./endpoint.ts";
import { HealthChecks } from "./health.ts";

type HealthProbe = HealthCheck["probe"];

const turn = () => new Promise(setImmediate);

/** Checks whose first failure counts, of one endpoint whose connections open, or fail to, when the test says so. */
function checked(probe: HealthProbe) {
  const clock = new ManualClock();
  const dials: PromiseWithResolvers<ByteStream>[] = [];
  const dial = (): Promise<ByteStream> => {
    const opening = Promise.withResolvers<ByteStream>();
    dials.push(opening);
    return opening.promise;
  };
  const options = { dial, clock, defer: (flush: () => void) => flush(), random: () => 0.5 };
  const address = { host: "10.0.0.1", port: 1, tls: false, originTls: undefined, protocol: "http2" } as const;
  const endpoint = new LiveEndpoint(
    { ...address, connectTimeoutMs: 5_000 },
    "id",
    { ...options, idleMs: 30_000, mayDial: () => true },
    () => {},
  );
  const check: HealthCheck = {
    probe,
    port: undefined,
    timeoutMs: 2_000,
    intervalMs: 1_000,
    unhealthyThreshold: 1,
    healthyThreshold: 1,
  };
  return { clock, dials, endpoint, checks: new HealthChecks(check, options) };
}

const probes: readonly HealthProbe[] = [
  { kind: "http", method: "GET", path: "/", host: undefined, statuses: [[200, 299]] },
  { kind: "grpc", service: "", path: undefined, codes: [] },
  { kind: "tcp" },
];

test.each(probes)(
  "a question of $kind that is open when its endpoint leaves the table is no failed one",
  async (probe) => {
    const { clock, dials, endpoint, checks } = checked(probe);
    let endpoints = [endpoint];
    checks.used(() => endpoints);
    expect(dials).toHaveLength(1);
    endpoints = [];
    clock.advance(1_000);
    dials[0]!.reject(new Error("connection refused"));
    await turn();
    expect(endpoint.healthy).toBe(true);
  },
);

test.each(probes)("nor is one of $kind that is open when nobody is asked any more", async (probe) => {
  const { dials, endpoint, checks } = checked(probe);
  checks.used(() => [endpoint]);
  checks.close();
  dials[0]!.reject(new Error("connection refused"));
  await turn();
  expect(endpoint.healthy).toBe(true);
});

test.each(probes.slice(0, 2))("one of $kind that is not answered in time is", (probe) => {
  const { clock, endpoint, checks } = checked(probe);
  checks.used(() => [endpoint]);
  clock.advance(2_000);
  expect(endpoint.healthy).toBe(false);
});

/** Milliseconds from the last call, of one, until nobody is asked any more. */
async function askedFor(unused: { readonly unusedMs?: number }): Promise<number> {
  const clock = new ManualClock();
  const dial = (): Promise<ByteStream> => Promise.resolve(new Peer().wire);
  const defer = (flush: () => void): void => flush();
  const times = { intervalMs: 10_000, timeoutMs: 1_000, healthyThreshold: 1, unhealthyThreshold: 1 };
  const backend = { ...echo, healthCheck: { probe: { kind: "tcp" as const }, port: undefined, ...times } };
  const live = new LiveBackend(backend, { clock, dial, defer, idleMs: 30_000, random: () => 0.5, ...unused });
  live.able(false);
  while (clock.pending > 0) {
    clock.advance(1_000);
    // oxlint-disable-next-line no-await-in-loop -- what was dialled opens
    await turn();
  }
  return clock.now();
}

test("health checks go on for five minutes after the last call, and where they cost no longer than the host says", async () => {
  expect(await askedFor({})).toBe(310_000);
  expect(await askedFor({ unusedMs: 30_000 })).toBe(40_000);
});
