import { describe, expect, it } from "vitest";
import { Scheme } from "../proto/gen/edgeway/v1/table_pb.js";
import { compile } from "./compile.ts";
import { match } from "./match.ts";
import { backendShares } from "./merge.ts";
import { FrozenMap } from "./host-index.ts";
import type { ClusterPart, Rule } from "./model.ts";
import { backend, exact, grpc, part, prefix, request, route, to, type RuleInit } from "./table.fixture.ts";

function ruleOf(parts: readonly ClusterPart[], url: string): Rule | undefined {
  return match(compile(parts), request(url))?.rule;
}

/** Each backend's part of the whole, in percent, while no cluster fails. */
function percentages(rule: Rule | undefined): Record<string, number> {
  const first = backendShares(rule!).filter(({ failover }) => failover === 0);
  return Object.fromEntries(
    first.map(({ choice, share }) => [choice.backend?.name ?? choice.invalid!, Math.round(100 * share)]),
  );
}

const addHeader = (value: string): RuleInit["filters"] => [
  { filter: { case: "requestHeaders", value: { add: [{ name: "x-from", value }] } } },
];

const rules = (backends: RuleInit["backends"], more: RuleInit = {}) => ({
  rules: [{ matches: [prefix("/a")], backends, ...more }],
});

describe("rules of several clusters for one host and match", () => {
  it("share the calls equally, each by its own weights", () => {
    const parts = [part("east", route("r", rules(to({ a: 8, b: 2 })))), part("west", route("r", rules(to({ a: 1 }))))];
    expect(percentages(ruleOf(parts, "http://x/a"))).toEqual({
      "east/default/a:1": 40,
      "east/default/b:1": 10,
      "west/default/a:1": 50,
    });
  });

  it("are one rule whatever the order of the parts", () => {
    const east = part("east", route("r", { createdSeconds: 2n, ...rules(to({ a: 1 })) }));
    const west = part("west", route("r", { createdSeconds: 1n, ...rules(to({ b: 1 })) }));
    const rule = ruleOf([east, west], "http://x/a");
    expect(rule).toEqual(ruleOf([west, east], "http://x/a"));
    expect(rule!.clusters?.map(({ cluster }) => cluster)).toEqual(["west", "east"]);
    expect(rule!.source.cluster).toBe("west");
  });

  it("keep an invalid backend's share", () => {
    const invalid: RuleInit["backends"] = [{ target: { case: "invalid", value: "no such service" }, weight: 3 }];
    const parts = [part("east", route("r", rules(to({ a: 1 })))), part("west", route("r", rules(invalid)))];
    expect(percentages(ruleOf(parts, "http://x/a"))).toEqual({ "east/default/a:1": 50, "no such service": 50 });
  });

  it("leave all calls to the clusters that have weight", () => {
    const parts = [
      part("east", route("r", rules(to({ a: 0 })))),
      part("north", route("r", rules([]))),
      part("west", route("r", rules(to({ b: 5 })))),
    ];
    expect(percentages(ruleOf(parts, "http://x/a"))).toEqual({ "west/default/b:1": 100 });
  });

  it("share the calls by their cluster weights", () => {
    const parts = (east: number, west?: number) => [
      part("east", route("r", { clusterWeight: east, ...rules(to({ a: 1, b: 1 })) })),
      part("west", route("r", { ...(west === undefined ? {} : { clusterWeight: west }), ...rules(to({ c: 5 })) })),
    ];
    const percent = (...weights: [number, number?]) =>
      Object.values(percentages(ruleOf(parts(...weights), "http://x/a")));
    expect(percent(3, 1)).toEqual([38, 38, 25]);
    expect(percent(3)).toEqual([38, 38, 25]);
    expect(percent(0, 1)).toEqual([0, 0, 100]);
    expect(percent(0, 0)).toEqual([25, 25, 50]);
    expect(Object.values(percentages(ruleOf([parts(0)[0]!], "http://x/a")))).toEqual([50, 50]);
  });

  it("answer all calls if the first answers, and leave out another that does", () => {
    const answer: RuleInit = { filters: [{ filter: { case: "directResponse", value: { status: 503 } } }] };
    const forward = (created: bigint) => route("r", { createdSeconds: created, ...rules(to({ a: 1 })) });
    const east = part("east", route("r", { createdSeconds: 2n, ...rules([], answer) }));
    const first = ruleOf([east, part("west", forward(3n))], "http://x/a")!;
    expect(first).toMatchObject({ source: { cluster: "east" }, filters: [{ kind: "directResponse" }] });
    const second = ruleOf([east, part("west", forward(1n)), part("north", forward(1n))], "http://x/a")!;
    expect(second.filters).toEqual([]);
    expect(percentages(second)).toEqual({ "west/default/a:1": 50, "north/default/a:1": 50 });
  });

  it("keep their own filters and policies, each cluster's with its backends", () => {
    const parts = ["east", "west"].map((cluster, index) =>
      part(
        cluster,
        route("r", rules(to({ a: 1 }), { filters: addHeader(cluster), timeouts: { requestMs: index + 1 } })),
      ),
    );
    const { clusters } = ruleOf(parts, "http://x/a")!;
    expect(clusters).toMatchObject([
      { cluster: "east", rule: { filters: [{ add: [["x-from", "east"]] }], timeouts: { requestMs: 1 } } },
      { cluster: "west", rule: { filters: [{ add: [["x-from", "west"]] }], timeouts: { requestMs: 2 } } },
    ]);
  });

  it("serve in their order of failover, and a last resort after all others", () => {
    const of = (cluster: string, failover: number, clusterWeight: number, lastResort = false) =>
      part({ cluster, lastResort }, route("r", { failover, clusterWeight, ...rules(to({ a: 1 })) }));
    const parts = [of("drained", 0, 5, true), of("spare", 7, 0), of("east", 1, 1), of("west", 1, 3)];
    const rule = ruleOf(parts, "http://x/a")!;
    expect(rule.source.cluster).toBe("east");
    expect(backendShares(rule).map(({ failover, share, rule: own }) => [own.source.cluster, failover, share])).toEqual([
      ["east", 0, 0.25],
      ["west", 0, 0.75],
      ["spare", 1, 1],
      ["drained", 2, 1],
    ]);
    expect(percentages(ruleOf([parts[0]!], "http://x/a"))).toEqual({ "drained/default/a:1": 100 });
  });

  it("merge across kinds, since a gRPC service and method are an exact path", () => {
    const parts = [
      part("east", route("r", { rules: [{ matches: [exact("/s/m")], backends: to({ a: 1 }) }] })),
      part("west", route("r", { rules: [{ matches: [grpc("s", "m")], backends: to({ b: 1 }) }] })),
    ];
    expect(percentages(ruleOf(parts, "http://x/s/m"))).toEqual({ "east/default/a:1": 50, "west/default/b:1": 50 });
  });

  it("merge on equal conditions in any order, and on no others", () => {
    const env = { name: "env", exact: "1" };
    const tier = { name: "tier", exact: "1" };
    const rule = (...headers: (typeof env)[]) => rules(to({ a: 1 }), { matches: [{ headers }] });
    const headers = { env: "1", tier: "1" };
    const same = compile([part("east", route("r", rule(env, tier))), part("west", route("r", rule(tier, env)))]);
    expect(match(same, request("http://x/", { headers }))!.rule.clusters).toHaveLength(2);
    const other = compile([part("east", route("r", rule(env, tier))), part("west", route("r", rule(env)))]);
    expect(match(other, request("http://x/", { headers }))!.rule.clusters).toBeUndefined();
  });

  it("merge only for the schemes that both serve", () => {
    const parts = [
      part("east", route("r", { schemes: [Scheme.HTTP], ...rules(to({ a: 1 })) })),
      part("west", route("r", rules(to({ b: 1 })))),
    ];
    expect(Object.keys(percentages(ruleOf(parts, "http://x/a")))).toHaveLength(2);
    expect(percentages(ruleOf(parts, "https://x/a"))).toEqual({ "west/default/b:1": 100 });
  });
});

describe("rules of one cluster for one host and match", () => {
  it("do not merge: the first by precedence hides the others", () => {
    const parts = [
      part(
        "east",
        route("z", { createdSeconds: 1n, ...rules(to({ a: 1 })) }),
        route("y", { createdSeconds: 2n, ...rules(to({ b: 1 })) }),
      ),
      part("west", route("r", rules(to({ c: 1 })))),
    ];
    expect(percentages(ruleOf(parts, "http://x/a"))).toEqual({ "east/default/a:1": 50, "west/default/c:1": 50 });
  });
});

describe("a compiled table", () => {
  const headers = [{ name: "env", exact: "1" }];
  const regex = { pattern: "(a)", substitution: String.raw`b\1` };
  const path = { modifier: { case: "regex", value: regex } } as const;
  const filters: RuleInit["filters"] = [
    { filter: { case: "urlRewrite", value: { authority: "a.test", path } } },
    { filter: { case: "redirect", value: { path, status: 302 } } },
    { filter: { case: "directResponse", value: { status: 200 } } },
  ];
  const everything: RuleInit = {
    matches: [exact("/shared")],
    name: "shared",
    filters: [
      { filter: { case: "cors", value: { allowOrigins: ["https://*.a.test"] } } },
      { filter: { case: "mirror", value: { target: { case: "backend", value: "default/a:1" } } } },
      { filter: { case: "fault", value: { abort: { case: "grpcCode", value: 14 } } } },
      { filter: { case: "rateLimit", value: { calls: 1, periodMs: 1, key: { case: "header", value: "a" } } } },
      { filter: { case: "jwt", value: { keys: { case: "jwksUri", value: "https://a.test" }, audiences: ["a"] } } },
    ],
    backends: to({ a: 1 }),
    timeouts: { requestMs: 1 },
    retry: { attempts: 1, grpcCodes: [14], httpStatuses: [503] },
    hedging: { attempts: 1 },
    session: { carrier: { case: "cookie", value: "a" } },
  };
  const chain = "-----BEGIN CERTIFICATE-----";
  const privateKey = "-----BEGIN PRIVATE KEY-----";
  const source = { kind: "Secret", namespace: "default", name: "tls" };
  const health = { intervalMs: 1000, timeoutMs: 1000, healthyThreshold: 1, unhealthyThreshold: 1 };
  const backends = ["a", "b"].map((name) =>
    backend(`default/${name}:1`, {
      tls: true,
      originTls: { subjectAltNames: ["a.test"], clientCertificate: chain, clientKey: privateKey },
      loadBalancing: { policy: { case: "consistentHash", value: { key: { case: "cookie", value: "a" } } } },
      healthCheck: { check: { case: "http", value: { path: "/" } }, ...health },
      outlierDetection: { grpcCodes: [14] },
      circuitBreaker: { maxCalls: 1 },
    }),
  );
  const table = compile(
    ["east", "west"].map((cluster) =>
      part(
        { cluster, backends, certificates: [{ key: "c", source, hostnames: ["a.test"], chain, privateKey }] },
        route("r", {
          hostnames: ["a.test", "*.test"],
          rules: [
            {
              matches: [
                exact("/a"),
                prefix("/b/c"),
                grpc("s"),
                grpc("", "m"),
                { headers, httpMethod: "PUT" },
                { conditions: [{ subject: { case: "header", value: "env" }, regex: "[a-z]+" }] },
                {},
              ],
              filters: [...addHeader(cluster)!, ...filters],
              backends: to({ a: 1, b: 2 }),
            },
            everything,
          ],
        }),
      ),
    ),
  );

  it("is frozen to its leaves", () => {
    const seen = new Set<unknown>();
    const open: string[] = [];
    const visit = (value: unknown, at: string): void => {
      if (typeof value !== "object" || value === null || seen.has(value)) return;
      seen.add(value);
      if (!Object.isFrozen(value) || value instanceof Map) open.push(at);
      const entries = value instanceof FrozenMap ? value : Object.entries(value);
      for (const [key, inner] of entries) visit(inner, `${at}.${key}`);
    };
    visit(table, "table");
    expect(open).toEqual([]);
    expect(seen.size).toBeGreaterThan(100);
  });

  it("is indexed once where no rule of a host tells schemes apart", () => {
    const indexOf = (...schemes: Scheme[]) =>
      compile([part("east", route("r", { schemes, rules: [{ matches: [exact("/a")] }] }))]).hosts.any;
    expect(indexOf(Scheme.HTTP, Scheme.HTTPS)).toEqual(indexOf());
    expect(Object.keys(indexOf(Scheme.HTTPS)!)).toEqual(["http", "https"]);
  });

  it("has no index for a host whose only rule takes everything", () => {
    const { exact: hosts } = compile([part("east", route("r", { hostnames: ["a.test"], rules: [{}] }))]).hosts;
    expect(hosts?.get("a.test")).toMatchObject({ hostname: "a.test", route: { key: "r" } });
  });

  it("cannot be of two parts of one cluster", () => {
    expect(() => compile([part("east"), part("east")])).toThrow("two parts of one cluster");
  });
});
