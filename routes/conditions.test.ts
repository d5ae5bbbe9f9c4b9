import type { MessageInitShape } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import {
  CallProtocol,
  ClusterTableSchema,
  RequestPart,
  type ConditionSchema,
} from "../proto/gen/edgeway/v1/table_pb.js";
import { compile } from "./compile.ts";
import { decode } from "./decode.ts";
import { match, type Facts } from "./match.ts";
import { exact, part, prefix, request, route, to, winner, type RouteInit, type RuleInit } from "./table.fixture.ts";

type ConditionInit = MessageInitShape<typeof ConditionSchema>;

const onHeader = (name: string, regex?: string): ConditionInit => ({
  subject: { case: "header", value: name },
  ...(regex === undefined ? {} : { regex }),
});
const onParam = (name: string, regex?: string): ConditionInit => ({
  subject: { case: "queryParam", value: name },
  ...(regex === undefined ? {} : { regex }),
});
const on = (value: RequestPart, regex: string): ConditionInit => ({ subject: { case: "part", value }, regex });
const not = (condition: ConditionInit): ConditionInit => ({ ...condition, negate: true });

function tableOf(...rules: RuleInit[]) {
  return compile([part("east", route("r", { rules: rules.map((rule, index) => ({ index, ...rule })) }))]);
}

describe("a condition", () => {
  it.each([
    ["a header's value as a whole", onHeader("env", "test|v[0-9]+"), { headers: { env: "v12" } }, "v12x"],
    ["a header's presence", onHeader("env"), { headers: { env: "" } }, undefined],
    ["the absence of a value", not(onHeader("env", "test")), {}, "test"],
    ["the absence of a header", not(onHeader("env")), {}, ""],
  ])("holds for %s", (_, condition, init, other) => {
    const table = tableOf({ matches: [{ conditions: [condition] }] });
    expect(winner(table, "http://x/", init)).toBe("r#0");
    expect(winner(table, "http://x/", other === undefined ? {} : { headers: { env: other } })).toBeUndefined();
  });

  it.each([
    ["the decoded query parameter", onParam("q", "a b.*"), "http://x/?q=a%20bc", "http://x/?q=a%2520b"],
    ["the presence of a parameter", onParam("q"), "http://x/?q", "http://x/?p=q"],
    ["the path without query", on(RequestPart.PATH, ".*/b"), "http://x/a/b?q=/c", "http://x/a/c?q=/b"],
    ["the host without port, in lower case", on(RequestPart.HOST, "a.*"), "http://A.Test:80/", "http://x:80/a"],
    ["the scheme", on(RequestPart.SCHEME, "https"), "https://x/", "http://x/"],
  ])("holds for %s", (_, condition, url, other) => {
    const table = tableOf({ matches: [{ conditions: [condition] }] });
    expect(winner(table, url)).toBe("r#0");
    expect(winner(table, other)).toBeUndefined();
  });

  it("on the method takes several methods", () => {
    const table = tableOf({ matches: [{ conditions: [on(RequestPart.METHOD, "GET|PUT")] }] });
    expect(winner(table, "http://x/", { method: "PUT" })).toBe("r#0");
    expect(winner(table, "http://x/", { method: "POST" })).toBeUndefined();
  });

  it("must hold beside all that is looked up", () => {
    const headers = [{ name: "env", exact: "1" }];
    const table = tableOf({ matches: [{ ...prefix("/a"), headers, conditions: [onHeader("id", "[0-9]+")] }] });
    expect(winner(table, "http://x/a", { headers: { env: "1", id: "7" } })).toBe("r#0");
    expect(winner(table, "http://x/a", { headers: { env: "2", id: "7" } })).toBeUndefined();
    expect(winner(table, "http://x/a", { headers: { env: "1", id: "x" } })).toBeUndefined();
    expect(winner(table, "http://x/b", { headers: { env: "1", id: "7" } })).toBeUndefined();
  });

  it("is tried only for paths that its match is for", () => {
    const table = tableOf({ matches: [{ ...exact("/a"), conditions: [onHeader("env", "x+")] }] }, { matches: [{}] });
    const facts = {
      ...request("http://x/b"),
      header: () => {
        throw new Error("header read");
      },
    };
    expect(match(table, facts)?.rule.source.ruleIndex).toBe(1);
  });
});

describe("among matches of one path", () => {
  const headers = { env: "1", id: "7" };

  it.each([
    ["one with a condition on the path goes first", [on(RequestPart.PATH, "/a.*")], { httpMethod: "GET" }],
    ["a condition on the method counts as a method", [on(RequestPart.METHOD, "G.T")], { conditions: [onHeader("id")] }],
    ["one on a header as a header", [onHeader("id", ".")], { conditions: [onParam("q")] }],
    ["two on headers more than one", [onHeader("id", "."), onHeader("env")], { conditions: [onHeader("id")] }],
    ["one on a parameter as a parameter", [onParam("q")], { conditions: [on(RequestPart.HOST, "x")] }],
    ["one on the host more than none", [on(RequestPart.HOST, "x")], {}],
  ])("%s", (_, conditions, other) => {
    const table = tableOf({ matches: [{ ...prefix("/a"), ...other }] }, { matches: [{ ...prefix("/a"), conditions }] });
    expect(winner(table, "http://x/a?q=1", { headers })).toBe("r#1");
  });

  it("one with conditions gives way to a longer prefix and to an exact path", () => {
    const conditions = [on(RequestPart.PATH, "/a.*")];
    const table = tableOf({ matches: [{ conditions }] }, { matches: [prefix("/a/b"), exact("/a")] });
    expect(["/a", "/a/c", "/a/b/c"].map((path) => winner(table, `http://x${path}`))).toEqual(["r#1", "r#0", "r#1"]);
  });
});

describe("priority", () => {
  const catchAll = { matches: [{}], priority: 2 };

  it("goes before all that a match says", () => {
    const table = tableOf(catchAll, { matches: [exact("/a")], priority: 1 });
    expect(winner(table, "http://x/a")).toBe("r#0");
  });

  it("leaves equals to precedence", () => {
    const table = tableOf(catchAll, { matches: [exact("/a")], priority: 2 });
    expect(winner(table, "http://x/a")).toBe("r#1");
  });

  it("goes on to the next where none of the higher matches", () => {
    const table = tableOf({ matches: [exact("/a")], priority: 1 }, { matches: [{}], priority: -1 });
    expect(winner(table, "http://x/b")).toBe("r#1");
  });

  it("counts among rules of one hostname: a more specific host still goes first", () => {
    const table = compile([
      part(
        "east",
        route("wild", { hostnames: ["*.test"], rules: [{ priority: 9 }] }),
        route("exact", { hostnames: ["a.test"], rules: [{ priority: -9 }] }),
      ),
    ]);
    expect(winner(table, "http://a.test/")).toBe("exact#0");
    expect(winner(table, "http://b.test/")).toBe("wild#0");
  });
});

describe("a wildcard of one label", () => {
  const wild = (name: string, init: RouteInit = {}) => route(name, { hostnames: ["*.a.test"], rules: [{}], ...init });

  it("takes a host with one label before it, and none with more", () => {
    const table = compile([part("east", wild("one", { singleLabelWildcards: true }))]);
    expect(winner(table, "http://b.a.test/")).toBe("one#0");
    expect(winner(table, "http://c.b.a.test/")).toBeUndefined();
    expect(winner(table, "http://a.test/")).toBeUndefined();
  });

  it("goes before the same of any number of labels", () => {
    const table = compile([
      part(
        "east",
        wild("any", { createdSeconds: 1n }),
        wild("one", { singleLabelWildcards: true, createdSeconds: 2n }),
      ),
    ]);
    expect(winner(table, "http://b.a.test/")).toBe("one#0");
    expect(winner(table, "http://c.b.a.test/")).toBe("any#0");
  });
});

describe("a route for gRPC only", () => {
  it("takes calls of any path, and no other HTTP", () => {
    const table = compile([part("east", route("grpc", { grpcOnly: true, rules: [{}] }))]);
    expect(winner(table, "http://x/s/m", { protocols: ["grpc"] })).toBe("grpc#0");
    expect(winner(table, "http://x/s/m")).toBeUndefined();
  });

  it("goes before an older one that takes all HTTP", () => {
    const table = compile([
      part("east", route("http", { rules: [{}] }), route("grpc", { createdSeconds: 9n, grpcOnly: true, rules: [{}] })),
    ]);
    expect(winner(table, "http://x/s/m", { protocols: ["grpc"] })).toBe("grpc#0");
    expect(winner(table, "http://x/s/m")).toBe("http#0");
  });
});

describe("a match of protocols", () => {
  const { CONNECT, GRPC_WEB, HTTP } = CallProtocol;
  const table = compile([
    part(
      "east",
      route("web", { rules: [{ matches: [{ protocols: [CONNECT, GRPC_WEB] }] }] }),
      route("plain", { rules: [{ matches: [{ protocols: [HTTP] }] }] }),
      route("any", { rules: [{}] }),
    ),
  ]);
  const taker = (...protocols: Facts["protocols"]) => winner(table, "http://x/s/m", { protocols });

  it("takes callers of these alone, before what takes them all", () => {
    expect([taker("connect"), taker("grpc-web"), taker("grpc"), taker("http")]).toEqual([
      "web#0",
      "web#0",
      "any#0",
      "plain#0",
    ]);
  });

  it("takes what may be of one of them: calls first", () => {
    expect(taker("connect", "http")).toBe("web#0");
    const plain = compile([part("east", route("plain", { rules: [{ matches: [{ protocols: [HTTP] }] }] }))]);
    expect(winner(plain, "http://x/s/m", { protocols: ["connect", "http"] })).toBe("plain#0");
  });
});

describe("clusters", () => {
  it("share a rule on the same conditions in any order, and on no others", () => {
    const rule = (...conditions: ConditionInit[]) => ({
      rules: [{ matches: [{ conditions }], backends: to({ a: 1 }) }],
    });
    const [one, two] = [onHeader("env", "a+"), not(onHeader("id", "1"))];
    const sharing = (...routes: RouteInit[]) => {
      const parts = routes.map((init, index) => part(`c${index}`, route("r", init)));
      return match(compile(parts), request("http://x/", { headers: { env: "aa" } }))!.rule.clusters?.length;
    };
    expect(sharing(rule(one, two), rule(two, one))).toBe(2);
    expect(sharing(rule(one, two), rule(one))).toBeUndefined();
  });
});

describe("a table is refused", () => {
  function issuesOf(...rules: RuleInit[]) {
    const table = create(ClusterTableSchema, { cluster: "east", routes: [route("r", { rules })] });
    return decode(table).issues?.map(({ field, reason }) => `${field}: ${reason}`) ?? [];
  }

  const withConditions = (...conditions: ConditionInit[]) => issuesOf({ matches: [{ conditions }] });

  it("for an expression that is none of RE2's", () => {
    expect(withConditions(onHeader("env", "(?=a)"))).toEqual([
      expect.stringMatching(/^rules\[0\]\.matches\[0\]\.conditions\[0\]\.regex: is no regular expression of RE2: /),
    ]);
  });

  it("for a condition on nothing that a request has", () => {
    const field = expect.stringContaining("rules[0].matches[0].conditions[0]");
    expect(withConditions({ regex: "a" })).toEqual([field]);
    expect(withConditions(on(RequestPart.UNSPECIFIED, "a"))).toEqual([field]);
    expect(withConditions(onHeader("Env"))).toEqual([field]);
    expect(withConditions(onParam(""))).toEqual([field]);
  });

  it("for more conditions, expressions or priorities than requests should be held against", () => {
    expect(withConditions(...Array.from({ length: 17 }, () => onHeader("a")))).toHaveLength(1);
    const many = (count: number, rule: (index: number) => RuleInit) =>
      issuesOf(...Array.from({ length: count }, (_, index) => rule(index)));
    const expression = (index: number) => ({
      matches: [{ conditions: [onHeader("a", `[0-9]{${index % 9}}${index}`)] }],
    });
    expect(many(1024, expression)).toEqual([]);
    const literal = (index: number) => ({
      matches: [0, 1].map((n) => ({ conditions: [onHeader("a", `${index}${n}.*`)] })),
    });
    expect(many(512, literal)).toEqual([]);
    expect(many(513, literal)).toEqual([expect.stringContaining("at most 1024 matches with conditions")]);
    const both = (index: number) => ({
      matches: [0, 1].map((n) => ({ conditions: [onHeader("a", `[0-9]${index}${n}`)] })),
    });
    expect(many(513, both)[0]).toContain("comes after 1024 other regular expressions");
  });

  it("for more than 1024 different priorities", () => {
    const routes = [0, 1].map((n) =>
      route(`r${n}`, { rules: Array.from({ length: 513 }, (_, index) => ({ priority: index * 2 + n })) }),
    );
    const { issues } = decode(create(ClusterTableSchema, { cluster: "east", routes }));
    expect(issues).toEqual([expect.objectContaining({ reason: "must have at most 1024 different priorities" })]);
  });
});
