import { expect, test } from "vitest";
import { FakeClock } from "../fake-clock.fixture.ts";
import type { KubeApi } from "./api.ts";
import { ApiError } from "./api.ts";
import { Leader } from "./leader.ts";

/** An API server that keeps one Lease, by the rules of resource versions. */
class FakeServer implements KubeApi {
  lease: Record<string, unknown> | undefined;
  /** Whether requests get no answer. */
  away = false;
  #version = 0;

  async request({ method = "GET", body }: Parameters<KubeApi["request"]>[0]): Promise<unknown> {
    await Promise.resolve();
    if (this.away) throw new Error("ECONNREFUSED");
    if (method === "GET" && this.lease === undefined) throw new ApiError(404, "not found");
    if (method === "GET") return this.lease;
    const given = body as { metadata: { resourceVersion?: string }; spec: object };
    const current = (this.lease?.["metadata"] as { resourceVersion: string } | undefined)?.resourceVersion;
    if (given.metadata.resourceVersion !== current) throw new ApiError(409, "the object has been modified");
    this.#version += 1;
    this.lease = { ...given, metadata: { ...given.metadata, resourceVersion: String(this.#version) } };
    return this.lease;
  }

  watch(): never {
    throw new Error("nobody watches a Lease");
  }

  close(): void {}

  get spec(): Record<string, unknown> {
    return this.lease!["spec"] as Record<string, unknown>;
  }
}

function start(clock: FakeClock, api: FakeServer, identity: string) {
  const history: boolean[] = [];
  const lines: string[] = [];
  const leader = new Leader({
    api,
    clock,
    identity,
    namespace: "edgeway-system",
    name: "kube-sync",
    random: () => 0.5,
    date: () => new Date(Date.UTC(2026, 0, 1) + clock.now()),
    onChange: (leading) => history.push(leading),
    log: (line) => lines.push(line),
  });
  leader.start();
  return { leader, history, lines };
}

test("of two candidates one leads for as long as it renews the Lease", async () => {
  const clock = new FakeClock();
  const api = new FakeServer();
  const a = start(clock, api, "a");
  await clock.pass(0);
  const b = start(clock, api, "b");
  await clock.pass(120_000);
  expect(a.history).toEqual([true]);
  expect(b.history).toEqual([]);
  expect(api.spec).toMatchObject({ holderIdentity: "a", leaseDurationSeconds: 15, leaseTransitions: 0 });
  expect(api.spec["acquireTime"]).toBe("2026-01-01T00:00:00.000000Z");
});

test("when the leader is told to stop, the other takes over with its next try", async () => {
  const clock = new FakeClock();
  const api = new FakeServer();
  const a = start(clock, api, "a");
  await clock.pass(0);
  const b = start(clock, api, "b");
  await clock.pass(10_000);
  await a.leader.close();
  expect(a.history).toEqual([true, false]);
  expect(api.spec).toMatchObject({ holderIdentity: "", leaseDurationSeconds: 1 });
  await clock.pass(2_400);
  expect(b.history).toEqual([true]);
  expect(api.spec).toMatchObject({ holderIdentity: "b", leaseTransitions: 1 });
});

test("when the leader is killed, the other takes over once the Lease has run out", async () => {
  const clock = new FakeClock();
  const api = new FakeServer();
  start(clock, api, "dead").leader.start();
  await clock.pass(0);
  const others = new FakeClock();
  const b = start(others, api, "b");
  await others.pass(14_000);
  expect(b.history).toEqual([]);
  await others.pass(4_000);
  expect(b.history).toEqual([true]);
});

test("a leader that cannot renew steps down before anyone else may lead, and comes back", async () => {
  const clock = new FakeClock();
  const api = new FakeServer();
  const a = start(clock, api, "a");
  await clock.pass(5_000);
  api.away = true;
  await clock.pass(9_000);
  expect(a.history).toEqual([true]);
  await clock.pass(4_000);
  expect(a.history).toEqual([true, false]);
  expect(a.lines).toEqual(["leads, as a", "cannot get the Lease kube-sync: ECONNREFUSED", "no longer leads"]);
  api.away = false;
  await clock.pass(3_000);
  expect(a.history).toEqual([true, false, true]);
});

test("of two candidates that find no Lease, one leads", async () => {
  const clock = new FakeClock();
  const api = new FakeServer();
  const a = start(clock, api, "a");
  const b = start(clock, api, "b");
  await clock.pass(10_000);
  expect([...a.history, ...b.history]).toEqual([true]);
});
