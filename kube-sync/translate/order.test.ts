import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { ClusterTableSchema } from "../../proto/gen/edgeway/v1/table_pb.js";
import { compile } from "../../routes/compile.ts";
import { decode } from "../../routes/decode.ts";
import { match } from "../../routes/match.ts";
import type { Match, PathTest } from "./match.ts";
import { ANY_REQUEST, both, onHeader, startsWith, toMatchInit } from "./match.ts";
import type { OrderedRule } from "./order.ts";
import { inOrder } from "./order.ts";

const HOSTS = ["a.example.com", "b.example.com", "*.example.com", "*.com", ""];
const PATHS: readonly PathTest[] = [
  { kind: "prefix", value: "/" },
  { kind: "prefix", value: "/a" },
  { kind: "prefix", value: "/a/b" },
  { kind: "exact", value: "/a" },
  { kind: "exact", value: "/a/b" },
  { kind: "regex", value: "/[ab]/.*" },
  startsWith("/a"),
  startsWith("/a/"),
];
const CONDITIONS: readonly Match[] = [
  ANY_REQUEST,
  { ...ANY_REQUEST, headers: [{ name: "x", exact: "1" }] },
  { ...ANY_REQUEST, methods: ["GET"] },
  { ...ANY_REQUEST, conditions: [onHeader("x", "[12]")] },
  { ...ANY_REQUEST, conditions: [onHeader("y", undefined, true)] },
];

/** mulberry32 */
function randomOf(seed: number): <T>(items: readonly T[]) => T {
  let state = seed;
  return (items) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return items[((mixed ^ (mixed >>> 14)) >>> 0) % items.length]!;
  };
}

function ruleOf(index: number, hostname: string, matches: readonly Match[], object: string): OrderedRule {
  const source = { kind: "Ingress", namespace: "default", name: object };
  return { hostname, source, createdSeconds: object === "old" ? 1 : 2, schemes: [], matches, rule: { index } };
}

const keyOf = ({ source, hostname }: OrderedRule) => `${source.name}/${hostname || "*"}`;

function tableOf(rules: readonly OrderedRule[]) {
  const table = create(ClusterTableSchema, { cluster: "east", routes: inOrder(rules, keyOf) });
  return compile([decode(table).part!]);
}

type Facts = Parameters<typeof match>[1];

function factsOf(host: string, path: string, method: string, headers: ReadonlyMap<string, string>): Facts {
  return { scheme: "http", host, path, query: "", method, protocols: ["grpc"], header: (name) => headers.get(name) };
}

/** Whether a rule on its own takes a request. */
function takes(rule: OrderedRule, facts: Facts): boolean {
  return match(tableOf([rule]), facts) !== undefined;
}

test("the first rule of the list that takes a request gets it, whichever hosts, paths and conditions it has", () => {
  for (let seed = 0; seed < 150; seed++) {
    const pick = randomOf(seed);
    const rules = Array.from({ length: 6 }, (_, index) => {
      const matches = Array.from({ length: pick([1, 1, 2]) }, () =>
        both({ ...ANY_REQUEST, paths: [pick(PATHS)] }, pick(CONDITIONS)),
      );
      return ruleOf(index, pick(HOSTS), matches, pick(["old", "new"]));
    });
    const table = tableOf(rules);
    for (let i = 0; i < 12; i++) {
      const x = pick(["", "1", "2"]);
      const y = pick(["", "1"]);
      const headers = new Map([["x", x] as const, ["y", y] as const].filter(([, value]) => value !== ""));
      const host = pick(["a.example.com", "b.example.com", "c.example.com", "x.com"]);
      const facts = factsOf(host, pick(["/", "/a", "/ab", "/a/b", "/a/b/c", "/b/c"]), pick(["GET", "POST"]), headers);
      const first = rules.find((rule) => takes(rule, facts));
      expect(match(table, facts)?.rule.source.ruleIndex, `seed ${seed}, ${JSON.stringify(facts)}`).toBe(
        first?.rule.index,
      );
    }
  }
});

test("rules that the table tries in that order by itself have no priority, so that clusters share them", () => {
  const paths = (...tests: PathTest[]) => [{ ...ANY_REQUEST, paths: tests }];
  const rules = [
    ruleOf(0, "a.com", paths({ kind: "exact", value: "/a" }), "one"),
    ruleOf(1, "a.com", paths({ kind: "prefix", value: "/a/b" }), "one"),
    ruleOf(2, "a.com", [{ ...ANY_REQUEST, headers: [{ name: "x", exact: "1" }] }], "one"),
    ruleOf(3, "a.com", [], "one"),
  ];
  expect(inOrder(rules, keyOf).flatMap((route) => route.rules?.map(({ priority }) => priority))).toEqual([0, 0, 0, 0]);
});

test("what is asked of one thing twice must hold twice", () => {
  const a: Match = {
    ...ANY_REQUEST,
    paths: [startsWith("/a")],
    headers: [{ name: "x", exact: "1" }],
    methods: ["GET"],
  };
  const b: Match = { ...ANY_REQUEST, paths: [{ kind: "prefix", value: "/a/b" }], headers: [{ name: "x", exact: "2" }] };
  const { path, headers, conditions } = toMatchInit(both(a, b));
  expect(path).toEqual({ case: "pathPrefix", value: "/a/b" });
  expect(headers).toEqual([{ name: "x", exact: "1" }]);
  expect(conditions?.map(({ regex }) => regex)).toEqual(["/a.*", "2"]);
});
