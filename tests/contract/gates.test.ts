/** What a rule's calls have to pass, who looks on, and whom health checks pass over: a policy each, on every host. */
import { type MessageInitShape, create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { GrpcExampleServer } from "../../examples/services/servers.ts";
import {
  type BackendSchema,
  ClusterTableSchema,
  OriginProtocol,
  type RuleSchema,
} from "../../proto/gen/edgeway/v1/table_pb.js";
import { until } from "../e2e/until.ts";
import { edges, type EdgeUnderTest } from "../edges/edges.ts";
import { type EchoClient, echoClient, type Speaker } from "./clients.ts";
import { startFlaky } from "./flaky.ts";

/** Without those that are messages already. */
type Init<M> = Extract<M, { readonly $typeName?: never }>;
type RuleInit = Init<MessageInitShape<typeof RuleSchema>>;
type BackendInit = Init<MessageInitShape<typeof BackendSchema>>;
type FilterInit = NonNullable<RuleInit["filters"]>[number];

const attempts = new Map<string, number>();
const mirrored = new Map<string, number>();
let one: GrpcExampleServer;
let two: GrpcExampleServer;
let mirror: GrpcExampleServer;
let jwks = "";
let sign: (claims: object) => Promise<string>;

beforeAll(async () => {
  one = await startFlaky("one", attempts);
  two = await startFlaky("two", attempts);
  mirror = await startFlaky("mirror", mirrored);
  const { publicKey, privateKey } = await generateKeyPair("ES256");
  jwks = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), alg: "ES256" }] });
  sign = (claims) =>
    new SignJWT({ ...claims })
      .setProtectedHeader({ alg: "ES256" })
      .setIssuer("https://issuer.test")
      .setExpirationTime("1h")
      .sign(privateKey);
});
afterAll(() => Promise.all([one, two, mirror].map((server) => server.stop())));

const source = { kind: "GRPCRoute", namespace: "default", name: "gates" };

function table() {
  const jwt = { issuer: "https://issuer.test", keys: { case: "jwks" as const, value: jwks } };
  const filters: Readonly<Record<string, FilterInit>> = {
    jwt: { filter: { case: "jwt", value: jwt } },
    rate: { filter: { case: "rateLimit", value: { calls: 2, periodMs: 3_600_000 } } },
    perUser: {
      filter: {
        case: "rateLimit",
        value: { calls: 1, periodMs: 3_600_000, key: { case: "header", value: "user" } },
      },
    },
    abort: {
      filter: { case: "fault", value: { abort: { case: "grpcCode", value: 10 }, abortMillionths: 1_000_000 } },
    },
    delay: { filter: { case: "fault", value: { delayMs: 300, delayMillionths: 1_000_000 } } },
    mirror: {
      filter: {
        case: "mirror",
        value: { target: { case: "backend", value: "default/mirror:1" }, millionths: 1_000_000 },
      },
    },
    // Nobody is there.
    mirrorNowhere: {
      filter: {
        case: "mirror",
        value: { target: { case: "backend", value: "default/nowhere:1" }, millionths: 1_000_000 },
      },
    },
    trailers: { filter: { case: "responseTrailers", value: { set: [{ name: "x-trailer", value: "edge" }] } } },
  };
  const check = { intervalMs: 100, timeoutMs: 1_000, healthyThreshold: 1, unhealthyThreshold: 1 };
  const backend = (name: string, ports: readonly number[], more: Partial<BackendInit> = {}) => ({
    key: `default/${name}:1`,
    source: { kind: "Service", namespace: "default", name },
    protocol: OriginProtocol.GRPC,
    endpoints: ports.map((port) => ({ host: "127.0.0.1", port })),
    connectTimeoutMs: 500,
    ...more,
  });
  const probe = (value: { service?: string; path?: string; codes?: { first: number; last: number }[] }) => ({
    healthCheck: { ...check, check: { case: "grpc" as const, value } },
  });
  const both = [one.port, two.port];
  return create(ClusterTableSchema, {
    cluster: "test",
    backends: [
      backend("echo", [one.port]),
      backend("mirror", [mirror.port]),
      backend("nowhere", [1]),
      backend("plain", [1], { protocol: OriginProtocol.HTTP1 }),
      backend("checked", both, probe({ service: "checked" })),
      // Answered UNIMPLEMENTED by every gRPC server, and by nobody else: what AWS asks.
      backend("by-code", both, probe({ path: "/AWS.ALB/healthcheck", codes: [{ first: 12, last: 12 }] })),
    ],
    routes: [
      {
        key: "GRPCRoute/default/gates",
        source,
        rules: [
          ...Object.entries(filters).map(([name, filter], index) => rule(index, name, "echo", [filter])),
          rule(99, "jwt-http", "plain", [{ filter: { case: "jwt", value: jwt } }]),
          rule(100, "checked", "checked"),
          rule(101, "by-code", "by-code"),
        ],
      },
    ],
  });
}

function rule(index: number, policy: string, backend: string, filters: FilterInit[] = []): RuleInit {
  return {
    index,
    matches: [{ headers: [{ name: "policy", exact: policy }] }],
    filters,
    backends: [{ target: { case: "backend", value: `default/${backend}:1` }, weight: 1 }],
  };
}

let ids = 0;

describe.each(Object.keys(edges))("%s", (host) => {
  let edge: EdgeUnderTest;
  let clients: Readonly<Record<string, EchoClient>>;
  beforeAll(async () => {
    edge = await edges[host]!(table(), undefined);
    const client = (speaker: Speaker, port: number) => echoClient(speaker, `http://127.0.0.1:${port}`);
    clients = {
      grpc: client({ protocol: "gRPC", httpVersion: "2" }, edge.grpcPort ?? edge.port),
      web: client({ protocol: "gRPC-Web", httpVersion: "1.1" }, edge.port),
      connect: client({ protocol: "Connect", httpVersion: "1.1" }, edge.port),
    };
  });
  afterAll(() => edge.close());

  interface Said {
    readonly cluster?: string;
    readonly error?: ConnectError;
    readonly id: string;
    readonly trailers?: Headers;
  }

  async function say(policy: string, headers: Readonly<Record<string, string>> = {}, by = "grpc"): Promise<Said> {
    const id = `${host}-${ids++}`;
    let trailers: Headers | undefined;
    try {
      const { cluster } = await clients[by]!["say"]!(
        { message: "hello" },
        {
          headers: { policy, "call-id": id, ...headers },
          timeoutMs: 10_000,
          onTrailer: (own: Headers) => (trailers = own),
        },
      );
      return { cluster, id, ...(trailers && { trailers }) };
    } catch (error) {
      return { error: ConnectError.from(error), id };
    }
  }

  test("a call without a valid token is UNAUTHENTICATED in each protocol, and one with it does not hand it on", async () => {
    for (const by of ["grpc", "web", "connect"]) {
      // oxlint-disable-next-line no-await-in-loop
      expect((await say("jwt", {}, by)).error).toMatchObject({ code: Code.Unauthenticated });
    }
    const authorization = `Bearer ${await sign({ sub: "alice" })}`;
    expect(await say("jwt", { authorization })).toMatchObject({ cluster: "one" });
    expect((await say("jwt", { authorization: `${authorization}x` })).error).toMatchObject({
      code: Code.Unauthenticated,
      rawMessage: "the token is not valid",
    });
    const response = await fetch(`http://127.0.0.1:${edge.port}/edgeway.examples.v1.Echo/Say`, {
      headers: { policy: "jwt-http" },
    });
    expect([response.status, response.headers.get("www-authenticate")]).toEqual([401, "Bearer"]);
  });

  test("calls beyond a rate limit are RESOURCE_EXHAUSTED, and told when to come again", async () => {
    const calls = [await say("rate"), await say("rate"), await say("rate"), await say("rate", {}, "connect")];
    expect(calls.map(({ cluster }) => cluster)).toEqual(["one", "one", undefined, undefined]);
    for (const { error } of calls.slice(2)) {
      expect(error).toMatchObject({ code: Code.ResourceExhausted });
      expect(error!.details).toMatchObject([{ type: "google.rpc.RetryInfo" }]);
    }
  });

  test("a rate limit by a header counts each of its values apart", async () => {
    const calls = [await say("perUser", { user: "a" }), await say("perUser", { user: "b" })];
    expect(calls.map(({ cluster }) => cluster)).toEqual(["one", "one"]);
    expect((await say("perUser", { user: "a" })).error).toMatchObject({ code: Code.ResourceExhausted });
  });

  test("a fault fails calls with its code before they reach the origin, or delays them", async () => {
    const { error, id } = await say("abort");
    expect(error).toMatchObject({ code: Code.Aborted });
    expect(attempts.has(id)).toBe(false);
    const begin = performance.now();
    expect(await say("delay")).toMatchObject({ cluster: "one" });
    expect(performance.now() - begin).toBeGreaterThanOrEqual(290);
  });

  test("a mirror gets a copy of each call, and its failure is nobody's", async () => {
    const { cluster, id } = await say("mirror");
    expect(cluster).toBe("one");
    await until(
      () => mirrored.get(id) === 1,
      () => "the mirror gets the call",
    );
    const failing = await say("mirror", { "fail-at": "mirror" });
    expect(failing.cluster).toBe("one");
    expect((await say("mirrorNowhere")).cluster).toBe("one");
  });

  test("trailing metadata is set as the rule says", async () => {
    const { trailers } = await say("trailers");
    expect(trailers?.get("x-trailer")).toBe("edge");
  });

  test("an endpoint that says it is not serving gets no calls until it does", async () => {
    const clusters = async (): Promise<string> => {
      const calls = await Promise.all(Array.from({ length: 20 }, () => say("checked")));
      return [...new Set(calls.map(({ cluster, error }) => cluster ?? String(error)))].toSorted().join(" ");
    };
    one.setStatus("checked", "SERVING");
    two.setStatus("checked", "NOT_SERVING");
    await until(
      async () => (await clusters()) === "one",
      () => "the one that serves gets every call",
    );
    two.setStatus("checked", "SERVING");
    await until(
      async () => (await clusters()) === "one two",
      () => "both get calls",
    );
    one.setStatus("checked", "NOT_SERVING");
    await until(
      async () => (await clusters()) === "two",
      () => "the other one gets every call",
    );
  });

  test("a check may ask for a code, as AWS's does for UNIMPLEMENTED", async () => {
    const calls = await Promise.all(Array.from({ length: 20 }, () => say("by-code")));
    expect(new Set(calls.map(({ cluster }) => cluster))).toEqual(new Set(["one", "two"]));
  });
});
