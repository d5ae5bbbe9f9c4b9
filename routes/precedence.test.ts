import { describe, expect, it } from "vitest";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { MatchSchema } from "../proto/gen/edgeway/v1/table_pb.js";
import { compile } from "./compile.ts";
import { exact, grpc, part, prefix, request, route, type RequestInit } from "./table.fixture.ts";
import { match } from "./match.ts";
import { comparePrecedence } from "./precedence.ts";
import type { Candidate, ClusterPart } from "./model.ts";

type MatchInit = MessageInitShape<typeof MatchSchema>;

function candidates(parts: readonly ClusterPart[]): Candidate[] {
  return parts.flatMap((own) =>
    own.routes.flatMap((from) =>
      (from.hostnames.length === 0 ? [""] : from.hostnames).flatMap((hostname) =>
        from.rules.flatMap((rule) =>
          rule.matches.map((condition) => ({ hostname, route: from, rule, match: condition })),
        ),
      ),
    ),
  );
}

/** The comparator's order of the matches, by their index in `matches`, which all come from one object. */
function order(...matches: MatchInit[]): number[] {
  const all = candidates([part("east", route("r", { rules: [{ matches }] }))]);
  return all.toSorted(comparePrecedence).map((candidate) => candidate.match.index);
}

const env = { name: "env", exact: "1" };
const tier = { name: "tier", exact: "1" };

const source = (namespace: string, name: string) => ({ source: { kind: "HTTPRoute", namespace, name } });

function winnerOf(url: string, init: RequestInit, ...routes: Parameters<typeof route>[]): string | undefined {
  const table = compile([part("east", ...routes.map((args) => route(...args)))]);
  return match(table, request(url, init))?.route.key;
}

describe("precedence", () => {
  it("goes to the longest hostname that is no wildcard, then to the longest", () => {
    const hostnames = ["*.com", "a.com", "*.long.example.com", "long.a.com"];
    const all = candidates([part("east", route("r", { hostnames, rules: [{}] }))]);
    const sorted = all.toSorted(comparePrecedence).map((candidate) => candidate.hostname);
    expect(sorted).toEqual(["long.a.com", "a.com", "*.long.example.com", "*.com"]);
  });

  it("goes to an exact path before a longer prefix, whatever else they ask for", () => {
    expect(order({ ...prefix("/a/b/c"), httpMethod: "GET", headers: [env] }, exact("/a"))).toEqual([1, 0]);
  });

  it("goes to the longest prefix, whatever else they ask for", () => {
    expect(order({ ...prefix("/a"), httpMethod: "GET", headers: [env] }, prefix("/a/b"))).toEqual([1, 0]);
  });

  it("puts gRPC's service and method with exact paths, a service after longer prefixes, a method last but one", () => {
    expect(
      order(
        prefix("/"),
        grpc("", "Add"),
        prefix("/svc"),
        grpc("svc"),
        prefix("/svc/a"),
        grpc("svc", "a"),
        grpc("", "AddMore"),
      ),
    ).toEqual([5, 4, 3, 2, 6, 1, 0]);
  });

  it("then goes to the HTTP method, the most headers, the most query parameters, in this order", () => {
    expect(
      order(
        {},
        { queryParams: [env] },
        { queryParams: [env, tier] },
        { headers: [env] },
        { headers: [env], queryParams: [env] },
        { headers: [env, tier] },
        { httpMethod: "GET" },
        { httpMethod: "GET", headers: [env] },
      ),
    ).toEqual([7, 6, 5, 4, 3, 2, 1, 0]);
  });

  it("then to the older object, then by namespace and name, then by cluster, then by rule and match", () => {
    const rules = [{ index: 0, matches: [prefix("/"), prefix("/")] }, { index: 1 }];
    const all = candidates([
      part(
        "east",
        route("4", { createdSeconds: 1n, rules, ...source("b", "a") }),
        route("2", { createdSeconds: 1n, rules, ...source("a", "b") }),
        route("1", { createdSeconds: 1n, rules, ...source("a-1", "z") }),
        route("0", { createdSeconds: 0n, rules, ...source("z", "z") }),
      ),
      part("a-cluster", route("3", { createdSeconds: 1n, rules, ...source("b", "a") })),
    ]);
    const sorted = all
      .toSorted(comparePrecedence)
      .map(({ route: { key }, rule, match: { index } }) => `${key}.${rule.source.ruleIndex}.${index}`);
    // "a-1/z" is before "a/b": "-" is before "/".
    const expected = ["0", "1", "2", "3", "4"].flatMap((key) => [`${key}.0.0`, `${key}.0.1`, `${key}.1.0`]);
    expect(sorted).toEqual(expected);
  });
});

describe("a request that several rules of equal rank match", () => {
  it("goes to the older, also where they ask for different headers", () => {
    const init = { headers: { env: "1", tier: "1" } };
    const young = { createdSeconds: 9n, rules: [{ matches: [{ headers: [env] }] }] };
    const old = { createdSeconds: 5n, rules: [{ matches: [{ headers: [tier] }] }] };
    expect(winnerOf("http://x/", init, ["young", young], ["old", old])).toBe("old");
    expect(winnerOf("http://x/", init, ["old", old], ["young", young])).toBe("old");
  });

  it("goes to the first by name among objects of one age, whatever order they arrive in", () => {
    const rules = [{ matches: [exact("/a/b")] }];
    const rpc = [{ matches: [grpc("a", "b")] }];
    expect(winnerOf("http://x/a/b", {}, ["b", { rules }], ["a", { rules: rpc }])).toBe("a");
    expect(winnerOf("http://x/a/b", {}, ["a", { rules }], ["b", { rules: rpc }])).toBe("a");
  });

  it("goes to the first rule of one object", () => {
    const rules = [
      { index: 0, matches: [{ headers: [env] }] },
      { index: 1, matches: [{ headers: [tier] }] },
    ];
    const table = compile([part("east", route("r", { rules: rules.toReversed() }))]);
    const found = match(table, request("http://x/", { headers: { env: "1", tier: "1" } }));
    expect(found?.rule.source.ruleIndex).toBe(0);
  });
});
