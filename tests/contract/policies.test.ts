/** What a rule or a backend may ask of the way to its origins, on every host: a policy each that a user would recognise. */
import { type MessageInitShape, create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ExampleServer } from "../../examples/services/servers.ts";
import {
  type BackendSchema,
  ClusterTableSchema,
  OriginProtocol,
  type RuleSchema,
} from "../../proto/gen/edgeway/v1/table_pb.js";
import { edges, type EdgeUnderTest } from "../edges/edges.ts";
import { type EchoClient, echoClient } from "./clients.ts";
import { startFlaky } from "./flaky.ts";

type RuleInit = MessageInitShape<typeof RuleSchema>;
type BackendInit = MessageInitShape<typeof BackendSchema>;

/** What the calls with the header "policy: NAME" go by. */
interface Policy {
  readonly rule?: Pick<RuleInit, "timeouts" | "retry" | "hedging" | "session">;
  readonly backend?: Pick<BackendInit, "loadBalancing" | "outlierDetection" | "circuitBreaker" | "tls" | "originTls">;
}

const unavailable = { attempts: 3, grpcCodes: [Code.Unavailable], backoffMs: 5 };

const policies: Readonly<Record<string, Policy>> = {
  plain: {},
  timeout: { rule: { timeouts: { requestMs: 300 } } },
  idle: { rule: { timeouts: { idleMs: 300 } } },
  attempt: { rule: { timeouts: { backendRequestMs: 200 }, retry: { attempts: 2, onReset: true, backoffMs: 5 } } },
  retry: { rule: { retry: unavailable } },
  hedge: { rule: { hedging: { attempts: 1, delayMs: 50 } } },
  session: { rule: { session: { carrier: { case: "cookie", value: "edge" } } } },
  "own-tls": { backend: { tls: true, originTls: { serverName: "inner.test" } } },
  breaker: { backend: { circuitBreaker: { maxCalls: 1 } } },
  hash: {
    backend: {
      loadBalancing: {
        policy: { case: "consistentHash", value: { key: { case: "header", value: "tenant" } } },
      },
    },
  },
  ejection: {
    backend: {
      loadBalancing: { policy: { case: "roundRobin", value: {} } },
      outlierDetection: { consecutiveFailures: 2, grpcCodes: [Code.Unavailable], baseEjectionMs: 60_000 },
    },
  },
};

const source = { kind: "GRPCRoute", namespace: "default", name: "policies" };

function tableOf(cluster: string, ports: readonly number[], all: Readonly<Record<string, Policy>>, failover = 0) {
  const endpoints = ports.map((port) => ({ host: "127.0.0.1", port }));
  return create(ClusterTableSchema, {
    cluster,
    backends: Object.entries(all).map(([name, { backend }]) => ({
      key: `default/${name}:1`,
      source: { kind: "Service", namespace: "default", name },
      protocol: OriginProtocol.GRPC,
      endpoints,
      connectTimeoutMs: 500,
      ...backend,
    })),
    routes: [
      {
        key: "GRPCRoute/default/policies",
        source,
        failover,
        rules: Object.entries(all).map(([name, { rule }], index) => ({
          index,
          matches: [{ headers: [{ name: "policy", exact: name }] }],
          backends: [{ target: { case: "backend" as const, value: `default/${name}:1` }, weight: 1 }],
          ...rule,
        })),
      },
    ],
  });
}

const attempts = new Map<string, number>();
let one: ExampleServer;
let two: ExampleServer;
let spare: ExampleServer;
let killed: ExampleServer;

beforeAll(async () => {
  [one, two, spare, killed] = await Promise.all([
    startFlaky("one", attempts),
    startFlaky("two", attempts),
    startFlaky("spare", attempts),
    startFlaky("killed", attempts),
  ]);
});
afterAll(() => Promise.all([one, two, spare, killed].map((server) => server.stop())));

let ids = 0;

describe.each(Object.keys(edges))("%s", (host) => {
  let edge: EdgeUnderTest;
  let client: EchoClient;
  beforeAll(async () => {
    const failing = { failover: {} };
    const first = tableOf("first", [one.port, two.port], policies);
    const beside = tableOf("killed", [one.port, killed.port], { killed: {} });
    const closed = tableOf("east", [killed.port], failing);
    edge = await edges[host]!(first, undefined, [beside, closed, tableOf("west", [spare.port], failing, 1)]);
    const url = `http://127.0.0.1:${edge.grpcPort ?? edge.port}`;
    client = echoClient({ protocol: "gRPC", httpVersion: "2" }, url);
  });
  afterAll(() => edge.close());

  /** Say by a policy, and how often it was attempted. */
  async function say(
    policy: string,
    headers: Readonly<Record<string, string>> = {},
    seen?: (headers: Headers) => void,
  ) {
    const id = `call-${ids++}`;
    const answer = await client["say"]!(
      {},
      { headers: { policy, "call-id": id, ...headers }, timeoutMs: 10_000, ...(seen && { onHeader: seen }) },
    ).catch((error: unknown) => ({ error: ConnectError.from(error) }));
    return { ...answer, attempts: attempts.get(id) ?? 0 } as {
      readonly message: string;
      readonly cluster: string;
      readonly error?: ConnectError;
      readonly attempts: number;
    };
  }

  test("a request timeout ends a call that is not answered in time, and no stream that is", async () => {
    const { error } = await say("timeout", { "slow-first": "1" });
    expect(error).toMatchObject({ code: Code.DeadlineExceeded });
    let count = 0;
    const options = { headers: { policy: "timeout" } };
    for await (const _ of client["stream"]!({ count: 8, size: 1, intervalMillis: 100 }, options)) count++;
    expect(count).toBe(8);
  });

  test("an idle timeout ends a stream that brings nothing", async () => {
    const silent = async () => {
      const options = { headers: { policy: "idle" } };
      for await (const _ of client["stream"]!({ count: 2, size: 1, intervalMillis: 5_000 }, options));
    };
    await expect(silent()).rejects.toMatchObject({
      rawMessage: expect.stringContaining("no byte either way for 0.3 s"),
    });
  });

  test("a call that fails with a code of the rule's is tried again, and the origin told how often it was", async () => {
    expect(await say("retry", { "fail-first": "2" })).toMatchObject({ message: "2", attempts: 3 });
    expect(await say("plain", { "fail-first": "2" })).toMatchObject({ attempts: 1, error: { code: Code.Unavailable } });
  });

  test("an origin that asks not to be tried again is not", async () => {
    const refused = await say("retry", { "fail-first": "2", pushback: "-1" });
    expect(refused).toMatchObject({ attempts: 1, error: { code: Code.Unavailable } });
  });

  test("an attempt that takes too long is followed by another", async () => {
    expect(await say("attempt", { "slow-first": "1" })).toMatchObject({ message: "1", attempts: 2 });
  });

  test("a call that is answered late is hedged", async () => {
    const begin = performance.now();
    expect(await say("hedge", { "slow-first": "1" })).toMatchObject({ attempts: 2 });
    expect(performance.now() - begin).toBeLessThan(5_000);
    expect(await say("hedge")).toMatchObject({ attempts: 1 });
  });

  test("calls with the cookie of a session stay with their endpoint", async () => {
    let cookie = "";
    const { cluster } = await say("session", {}, (headers) => (cookie = headers.get("set-cookie") ?? ""));
    expect(cookie).toMatch(/^edge=[0-9a-f]{16}; Path=\/; HttpOnly/);
    const headers = { cookie: cookie.slice(0, cookie.indexOf(";")) };
    const answers = await Promise.all(Array.from({ length: 10 }, () => say("session", headers)));
    expect(new Set(answers.map((answer) => answer.cluster))).toEqual(new Set([cluster]));
  });

  test("calls of one tenant go to one endpoint by consistent hash, and tenants to both", async () => {
    const tenants = await Promise.all(
      Array.from({ length: 12 }, async (_, tenant) => {
        const headers = { tenant: `tenant ${tenant}` };
        const answers = await Promise.all([say("hash", headers), say("hash", headers), say("hash", headers)]);
        return new Set(answers.map(({ cluster }) => cluster));
      }),
    );
    expect(tenants.every(({ size }) => size === 1)).toBe(true);
    expect(new Set(tenants.flatMap((clusters) => [...clusters])).size).toBe(2);
  });

  test("calls beyond a circuit breaker's are RESOURCE_EXHAUSTED", async () => {
    const calls = await Promise.all(Array.from({ length: 5 }, () => say("breaker")));
    const refused = calls.filter(({ error }) => error !== undefined);
    expect(refused).toHaveLength(4);
    expect(refused[0]!.error).toMatchObject({ code: Code.ResourceExhausted });
    expect((await say("breaker")).cluster).toMatch(/one|two/);
  });

  const refused = async () => {
    const { error } = await say("own-tls");
    expect(error).toMatchObject({ code: Code.Unavailable, rawMessage: expect.stringContaining("Edgeway on Node can") });
  };
  if (host === "workerd") test("a backend with TLS of its own, which Workers cannot go by, is refused", refused);

  test("an endpoint whose calls fail in a row is passed over", async () => {
    const results = [];
    // oxlint-disable-next-line no-await-in-loop -- one call after the other
    for (let i = 0; i < 12; i++) results.push(await say("ejection", { "fail-at": "one" }));
    expect(results.filter(({ error }) => error !== undefined)).toHaveLength(2);
    expect(results.slice(-6).every(({ cluster }) => cluster === "two")).toBe(true);
  });

  test("no call fails while one of two origins is down", async () => {
    await killed.stop();
    const answers = await Promise.all(Array.from({ length: 20 }, () => say("killed")));
    await killed.start();
    expect(answers.filter(({ cluster }) => cluster !== "one")).toEqual([]);
  });

  test("another cluster takes the calls of one whose origins are down", async () => {
    expect(await say("failover")).toMatchObject({ cluster: "killed" });
    await killed.stop();
    const answers = await Promise.all(Array.from({ length: 10 }, () => say("failover")));
    await killed.start();
    expect(answers.filter(({ cluster }) => cluster !== "spare")).toEqual([]);
  });
});
