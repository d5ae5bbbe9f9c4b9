/**
 * What is lost when things go wrong under load, and when routes change: the figures are printed. Runs for seconds; with
 * EDGEWAY_RESILIENCE=long, for minutes.
 */
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, describe, expect, test } from "vitest";
import { Code } from "@connectrpc/connect";
import type { ExampleServer } from "../../examples/services/servers.ts";
import { echoClient } from "../contract/clients.ts";
import { startFlaky } from "../contract/flaky.ts";
import { until } from "../e2e/until.ts";
import { edges, type EdgeUnderTest } from "../edges/edges.ts";
import { Load } from "./load.ts";
import { Namespace } from "./namespace.ts";
import { OriginProcess } from "./process.ts";
import { tableOf } from "./tables.ts";

const long = process.env["EDGEWAY_RESILIENCE"] === "long";
const speaker = { protocol: "gRPC", httpVersion: "2" } as const;

const clientOf = (edge: EdgeUnderTest) => echoClient(speaker, `http://127.0.0.1:${edge.grpcPort ?? edge.port}`);

const ended: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  // oxlint-disable-next-line no-await-in-loop -- the edge before its origins
  for (const end of ended.splice(0).toReversed()) await end();
});

async function origin(name: string, host?: string, prefix?: readonly string[]): Promise<OriginProcess> {
  const process = new OriginProcess(name, host, prefix);
  ended.push(() => process.kill());
  await process.start();
  return process;
}

async function edgeOf(host: string, ...tables: Parameters<typeof tableOf>[0][]): Promise<EdgeUnderTest> {
  const [first, ...others] = tables.map(tableOf);
  const edge = await edges[host]!(first!, undefined, others);
  ended.push(() => edge.close());
  return edge;
}

function report(what: string, load: Load, more = ""): void {
  const failures = [...load.failures].map(([failure, count]) => `${count} x ${failure}`).join("; ") || "none";
  console.log(`${what}: ${load.calls} calls, ${load.streams} streams; failures: ${failures}${more}`);
}

describe.each(Object.keys(edges))("%s", (host) => {
  test("20 edits of a route under load: no call fails, and no stream is cut", { timeout: 240_000 }, async () => {
    const [one, two] = await Promise.all([origin("one"), origin("two")]);
    const both = [one, two].map(({ port }) => ({ host: "127.0.0.1", port }));
    const edge = await edgeOf(host, { cluster: "east", endpoints: both });
    const load = new Load(clientOf(edge), { callers: 8, streams: 8 });
    const edits = [both, both.slice(0, 1), both.slice(1)];
    for (let edit = 1; edit <= 20; edit++) {
      const endpoints = edits[edit % edits.length]!;
      const filter = { case: "responseHeaders" as const, value: { set: [{ name: "x-edit", value: String(edit) }] } };
      // oxlint-disable-next-line no-await-in-loop -- one edit after the other
      await edge.apply(tableOf({ cluster: "east", endpoints, rule: { filters: [{ filter }] } }));
      await delay(long ? 6_000 : 300);
    }
    await load.stop();
    report(`${host}, 20 edits`, load);
    expect(load.failures).toEqual(new Map());
    expect(load.calls).toBeGreaterThan(200);
  });

  test(
    "of two origins one killed and started 20 times: no call fails that was safe to send again",
    { timeout: 240_000 },
    async () => {
      const [steady, killed] = await Promise.all([origin("steady"), origin("killed")]);
      const endpoints = [steady, killed].map(({ port }) => ({ host: "127.0.0.1", port }));
      const edge = await edgeOf(host, { cluster: "east", endpoints });
      const load = new Load(clientOf(edge), { callers: 8, streams: 0 });
      for (let round = 0; round < (long ? 20 : 5); round++) {
        await delay(long ? 3_000 : 400);
        await killed.kill();
        await delay(long ? 3_000 : 400);
        await killed.start();
      }
      await load.stop();
      report(`${host}, origins killed`, load, `; answered by ${JSON.stringify([...load.answeredBy])}`);
      // What was under way on the connection that broke may have been processed: nobody may send that again unasked.
      for (const failure of load.failures.keys()) expect(failure).toMatch(/the connection was (lost|closed)/);
    },
  );
});

test("in a total outage, retries stay within their budget", { timeout: 60_000 }, async () => {
  const attempts = new Map<string, number>();
  const server: ExampleServer = await startFlaky("down", attempts);
  ended.push(() => server.stop());
  const retry = { attempts: 5, grpcCodes: [Code.Unavailable], backoffMs: 1, maxBackoffMs: 10 };
  const edge = await edgeOf("node", {
    cluster: "east",
    endpoints: [{ host: "127.0.0.1", port: server.port }],
    rule: { retry },
  });
  const client = clientOf(edge);
  const calls = long ? 50_000 : 3_000;
  let made = 0;
  const caller = async () => {
    while (made < calls) {
      const headers = { "call-id": String(made++), "fail-first": "1000" };
      // oxlint-disable-next-line no-await-in-loop -- one call after the other
      await client["say"]!({}, { headers }).catch(() => {});
    }
  };
  await Promise.all(Array.from({ length: 32 }, caller));
  const all = [...attempts.values()].reduce((sum, count) => sum + count, 0);
  console.log(`total outage: ${(all / made).toFixed(3)} attempts per call over ${made} calls`);
  // A fifth, and what a backend with few calls may have in any case.
  expect(all / made).toBeLessThan(1.3);
});

test(
  "a cluster that is cut off loses the calls under way, and another one takes the rest",
  { timeout: 60_000 },
  async ({ skip }) => {
    const namespace = Namespace.create();
    if (namespace === undefined) return skip("no network namespace can be made here: that takes root, ip and iptables");
    ended.push(() => namespace[Symbol.asyncDispose]());
    const east = await Promise.all(["east", "east"].map((name) => origin(name, namespace.host, namespace.prefix)));
    const west = await origin("west");
    const backend = { connectTimeoutMs: 1_000 };
    const edge = await edgeOf(
      "node",
      { cluster: "east", endpoints: east.map(({ host, port }) => ({ host, port })), backend },
      { cluster: "west", endpoints: [{ host: west.host, port: west.port }], backend, failover: 1 },
    );
    const load = new Load(clientOf(edge), { callers: 8, streams: 0, timeoutMs: 500 });
    await delay(1_000);
    expect([...load.answeredBy.keys()]).toEqual(["east"]);
    const begin = performance.now();
    namespace.cutOff();
    await delay(long ? 30_000 : 5_000);
    const lost = load.failed;
    const failoverMs = load.lastFailure - begin;
    const byWest = load.answeredBy.get("west") ?? 0;
    namespace.heal();
    const before = load.answeredBy.get("east")!;
    await until(
      () => load.answeredBy.get("east")! > before,
      () => "the cluster gets calls again",
      40_000,
    );
    await load.stop();
    const figures = `the last call lost ended ${failoverMs.toFixed(0)} ms after the cut, ${lost} were; deadline 500 ms`;
    report("a cluster cut off", load, `; ${figures}; answered by ${JSON.stringify([...load.answeredBy])}`);
    expect(failoverMs).toBeLessThan(3_000);
    expect(byWest).toBeGreaterThan(100);
    expect(load.failed).toBe(lost);
  },
);
