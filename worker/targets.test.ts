import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import {
  type BackendSchema,
  ClusterTableSchema,
  OriginProtocol,
  type RuleSchema,
} from "../proto/gen/edgeway/v1/table_pb.js";
import type { ConsistentHashSchema } from "../proto/gen/edgeway/v1/policy_pb.js";
import { compile } from "../routes/compile.ts";
import { decode } from "../routes/decode.ts";
import { CallError } from "./call/error.ts";
import { Fields } from "./call/fields.ts";
import type { RequestHead } from "./call/http.ts";
import { Code } from "./call/status.ts";
import { endpointId } from "./pick/endpoint-id.ts";
import { type Plan, plan, type PlanOptions } from "./plan.ts";

type RuleInit = MessageInitShape<typeof RuleSchema>;

type HashKeyInit = NonNullable<MessageInitShape<typeof ConsistentHashSchema>["key"]>;

interface PartInit {
  readonly backends?: Readonly<Record<string, { readonly weight?: number; readonly endpoints?: number }>>;
  readonly route?: { readonly failover?: number; readonly clusterWeight?: number };
  readonly rule?: Pick<RuleInit, "filters" | "session" | "timeouts">;
  readonly backend?: Pick<MessageInitShape<typeof BackendSchema>, "protocol" | "loadBalancing">;
}

function partOf(cluster: string, { backends = { a: {} }, route = {}, rule = {}, backend = {} }: PartInit) {
  const source = { kind: "HTTPRoute", namespace: "default", name: "r" };
  const { part, issues } = decode(
    create(ClusterTableSchema, {
      cluster,
      backends: Object.entries(backends).map(([key, { endpoints = 1 }]) => ({
        key,
        source,
        protocol: OriginProtocol.HTTP2,
        endpoints: Array.from({ length: endpoints }, (_, i) => ({ host: `${cluster}-${key}-${i}`, port: 80 })),
        ...backend,
      })),
      routes: [
        {
          key: "r",
          source,
          ...route,
          rules: [
            {
              backends: Object.entries(backends).map(([value, { weight = 1 }]) => ({
                target: { case: "backend" as const, value },
                weight,
              })),
              ...rule,
            },
          ],
        },
      ],
    }),
  );
  if (issues !== undefined) throw new Error(JSON.stringify(issues));
  return part;
}

const seconds = 1_700_000_000;

function planned(
  parts: readonly ReturnType<typeof partOf>[],
  {
    fields = {},
    path = "/p",
    address = "",
    random = 0,
    ...options
  }: {
    readonly fields?: Record<string, string>;
    readonly path?: string;
    readonly address?: string;
    readonly random?: number;
  } & Partial<Omit<PlanOptions, "random">> = {},
) {
  const head: RequestHead = {
    method: "GET",
    scheme: "https",
    authority: "x.test",
    path,
    fields: Fields.from(Object.entries(fields)),
  };
  return plan(head, compile(parts), { random: () => random, now: () => seconds * 1000, ...options }, address);
}

function planOf(...args: Parameters<typeof planned>): Plan {
  const made = planned(...args);
  if (made.plan === undefined) throw new Error(`answered with ${made.answer.head.status}`);
  return made.plan;
}

const names = ({ targets }: Plan) => targets.map(({ name }) => name);

describe("what may stand in for a backend", () => {
  test("is never another one of its own rule: they are versions", () => {
    expect(names(planOf([partOf("east", { backends: { v1: { weight: 9 }, v2: {} } })]))).toEqual(["east/v1"]);
  });

  test("is the other clusters' share of the rule, by failover and weight", () => {
    const parts = [
      partOf("north", { route: { failover: 1 } }),
      partOf("east", { route: { clusterWeight: 3 } }),
      partOf("west", { route: { clusterWeight: 1 } }),
    ];
    expect(names(planOf(parts))).toEqual(["east/a", "west/a", "north/a"]);
    expect(names(planOf(parts, { random: 0.8 }))).toEqual(["west/a", "east/a", "north/a"]);
  });

  test("speaks the same protocol and has the same filters", () => {
    const filters = [
      { filter: { case: "requestHeaders" as const, value: { set: [{ name: "x-by", value: "edge" }] } } },
    ];
    const odd = [
      partOf("east", {}),
      partOf("north", { backend: { protocol: OriginProtocol.HTTP1 } }),
      partOf("west", { rule: { filters } }),
    ];
    expect(names(planOf(odd))).toEqual(["east/a"]);
    const alike = [partOf("east", { rule: { filters } }), partOf("west", { rule: { filters } })];
    expect(names(planOf(alike))).toEqual(["east/a", "west/a"]);
  });

  test("takes the call from the first where that has no endpoint, by its own cluster's policies", () => {
    const timeouts = { requestMs: 5 };
    const parts = [partOf("east", { backends: { a: { endpoints: 0 } } }), partOf("west", { rule: { timeouts } })];
    const made = planOf(parts);
    expect(names(made)).toEqual(["west/a"]);
    expect([made.backend, made.rule.cluster, made.timeouts?.requestMs]).toEqual(["west/a", "west", 5]);
  });

  test("is only what the host can call; the reason is the answer where that is nothing", () => {
    const cannotReach: PlanOptions["cannotReach"] = ({ name }) =>
      name === "east/a" ? new CallError(Code.UNAVAILABLE, "no way", { side: "edge" }) : undefined;
    expect(names(planOf([partOf("east", {}), partOf("west", {})], { cannotReach }))).toEqual(["west/a"]);
    expect(planned([partOf("east", {})], { cannotReach })).toMatchObject({ error: { message: "no way" } });
  });
});

describe("a session", () => {
  const rule = { session: { carrier: { case: "cookie" as const, value: "edge" }, absoluteTimeoutSeconds: 60 } };
  const parts = [partOf("east", { rule, backends: { v1: { weight: 99 }, v2: {} } })];
  const id = endpointId("east/v2", "east-v2-0", 80);
  const begun = (ago: number) => ({ cookie: `a=b; edge=${id}.${(seconds - ago).toString(36)}` });

  test("keeps a caller with its version", () => {
    const made = planOf(parts, { fields: begun(59) });
    expect(names(made)).toEqual(["east/v2"]);
    expect(made.session).toMatchObject({ endpoint: id });
  });

  test("ends with its time", () => {
    const made = planOf(parts, { fields: begun(60) });
    expect(names(made)).toEqual(["east/v1"]);
    expect(made.session!.endpoint).toBeUndefined();
  });

  test("does not keep a caller with a version that has no weight any more, nor with what it made up", () => {
    const none = [partOf("east", { rule, backends: { v1: {}, v2: { weight: 0 } } })];
    expect(names(planOf(none, { fields: begun(1) }))).toEqual(["east/v1"]);
    expect(planOf(parts, { fields: { cookie: "edge=10.0.0.1" } }).session!.endpoint).toBeUndefined();
  });

  test("comes over TLS in a cookie for TLS alone, which no script reads", () => {
    expect(planOf(parts).session!.attributes).toBe("; Path=/; HttpOnly; SameSite=Lax; Secure");
  });
});

describe("a hash is of", () => {
  const hashing = (key: HashKeyInit) => [
    partOf("east", { backend: { loadBalancing: { policy: { case: "consistentHash", value: { key } } } } }),
  ];

  test("a header, or of nothing where there is none", () => {
    const parts = hashing({ case: "header", value: "tenant" });
    expect(planOf(parts, { fields: { tenant: "blue" } }).hashKey).toBe("blue");
    expect(planOf(parts).hashKey).toBeUndefined();
  });

  test("a query parameter", () => {
    expect(planOf(hashing({ case: "queryParam", value: "user" }), { path: "/p?a=b&user=J%C3%B6rg" }).hashKey).toBe(
      "Jörg",
    );
  });

  test("the caller's address", () => {
    expect(planOf(hashing({ case: "source", value: true }), { address: "192.0.2.1" }).hashKey).toBe("192.0.2.1");
  });

  test("a cookie, which a caller without it gets", () => {
    const parts = hashing({ case: "cookie", value: "shard" });
    expect(planOf(parts, { fields: { cookie: "shard=7" } })).toMatchObject({ hashKey: "7", responseHeaders: [] });
    const made = planOf(parts, { random: 0.5 });
    expect(made.responseHeaders[0]!.add).toEqual([
      ["set-cookie", `shard=${made.hashKey}; Path=/; HttpOnly; SameSite=Lax; Secure`],
    ]);
  });
});
