import { describe, expect, it } from "vitest";
import { RequestPart, Scheme } from "../proto/gen/edgeway/v1/table_pb.js";
import { compile } from "./compile.ts";
import { explain } from "./explain.ts";
import {
  exact,
  grpc,
  part,
  prefix,
  request,
  route,
  to,
  type RequestInit,
  type RouteInit,
  type RuleInit,
} from "./table.fixture.ts";

/** Each verdict as "route#rule: outcome, reason". */
function explained(parts: Parameters<typeof compile>[0], url: string, init?: RequestInit): string[] {
  return explain(compile(parts), request(url, init)).map(({ candidate: { rule }, outcome, reason }) =>
    [`${rule.source.name}#${rule.source.ruleIndex}: ${outcome}`, reason ?? []].flat().join(", "),
  );
}

function rulesOf(...rules: RuleInit[]) {
  return part("east", route("r", { rules: rules.map((rule, index) => ({ index, ...rule })) }));
}

describe("the explanation", () => {
  it("starts with the rule that wins, and says what it has before the others that the request meets", () => {
    const own = rulesOf({}, { matches: [prefix("/a")] }, { matches: [exact("/a/b")] }, { matches: [prefix("/b")] });
    expect(explained([own], "http://x/a/b")).toEqual([
      "r#2: wins",
      "r#1: loses, the rule that wins has an exact path",
      "r#0: loses, the rule that wins has an exact path",
      "r#3: loses, the path is not /b or below it",
    ]);
  });

  it.each<[string, RuleInit, RequestInit, string]>([
    ["an exact path", { matches: [exact("/b")] }, {}, "the path is not /b"],
    ["a gRPC service", { matches: [grpc("s")] }, {}, "the path is not of the gRPC service s"],
    ["a gRPC method", { matches: [grpc("", "m")] }, {}, "the path is not of a gRPC method m"],
    ["the method", { matches: [{ httpMethod: "PUT" }] }, {}, "the method is not PUT"],
    ["a missing header", { matches: [{ headers: [{ name: "a", exact: "1" }] }] }, {}, 'header a is missing, not "1"'],
    [
      "a header's value",
      { matches: [{ headers: [{ name: "a", exact: "1" }] }] },
      { headers: { a: "2" } },
      'header a is "2", not "1"',
    ],
    [
      "a query parameter",
      { matches: [{ queryParams: [{ name: "q", exact: "2" }] }] },
      {},
      'query parameter q is "1", not "2"',
    ],
    [
      "a condition",
      { matches: [{ conditions: [{ subject: { case: "part", value: RequestPart.PATH }, regex: "/b.*" }] }] },
      {},
      'the path is "/a" and must match /b.*',
    ],
    [
      "a negated condition",
      { matches: [{ conditions: [{ subject: { case: "header", value: "a" }, negate: true }] }] },
      { headers: { a: "2" } },
      'header a is "2" and must be missing',
    ],
  ])("says that the request does not meet %s", (_, rule, init, reason) => {
    expect(explained([rulesOf(rule)], "http://x/a?q=1", init)).toEqual([`r#0: loses, ${reason}`]);
  });

  it("has the rules of the request's host alone, and of them those for other schemes and protocols", () => {
    const own = part(
      "east",
      route("other", { hostnames: ["b.test", "*.b.test"], rules: [{}] }),
      route("single", { hostnames: ["*.test"], singleLabelWildcards: true, rules: [{}] }),
      route("calls", { hostnames: ["*.test"], grpcOnly: true, rules: [{}] }),
      route("secure", { hostnames: ["*.a.test"], schemes: [Scheme.HTTPS], rules: [{}] }),
      route("any", { rules: [{}] }),
    );
    expect(explained([own], "http://c.a.test/")).toEqual([
      "any#0: wins",
      "secure#0: loses, it is for https only",
      "calls#0: loses, it takes calls only: gRPC, gRPC-Web and Connect",
    ]);
    expect(explained([own], "http://a.test/")[0]).toBe("single#0: wins");
  });

  it("names the clusters that share, and why others do not", () => {
    const rules = [{ matches: [prefix("/a")], backends: to({ a: 1 }) }];
    const parts = [
      part("east", route("r", { rules }), route("s", { rules })),
      part("west", route("r", { createdSeconds: 1n, rules })),
    ];
    expect(explained(parts, "http://x/a")).toEqual([
      "r#0: wins",
      "s#0: loses, the rule that wins has the first namespace and name",
      "r#0: shares",
    ]);
  });

  it("tells each cluster's share, who stands by, and for whom", () => {
    const of = (cluster: string, init: Partial<RouteInit>, backends = to({ a: 1 })) =>
      part(cluster, route(cluster, { rules: [{ matches: [prefix("/a")], backends }], ...init }));
    const parts = [
      of("east", { clusterWeight: 1 }),
      of("west", { clusterWeight: 3 }),
      of("spare", { failover: 1 }),
      of("empty", {}, to({ a: 0 })),
    ];
    const verdicts = explain(compile(parts), request("http://x/a"));
    expect(verdicts.map(({ candidate, outcome, share }) => [candidate.route.cluster, outcome, share])).toEqual([
      ["east", "wins", 0.25],
      ["empty", "loses", 0],
      ["west", "shares", 0.75],
      ["spare", "standsBy", 1],
    ]);
    expect(explained(parts, "http://x/a")).toContain(
      "spare#0: standsBy, it serves when none of these clusters can: east, west",
    );
  });
});
