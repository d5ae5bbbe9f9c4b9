/**
 * The index against a matcher without one: every candidate is held against the request, and the comparator orders
 * those that hold. A failure names the seed that shows it again.
 */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { expect, it } from "vitest";
import { ClusterTableSchema, Scheme } from "../proto/gen/edgeway/v1/table_pb.js";
import { compile } from "./compile.ts";
import { decode } from "./decode.ts";
import { explain, type Verdict } from "./explain.ts";
import { match, type Facts } from "./match.ts";
import type { Candidate, ClusterPart, Condition, PathMatch, RouteTable } from "./model.ts";
import { comparePrecedence, isSingle } from "./precedence.ts";
import { type ConditionInit, randomOf, randomPart, randomRequest } from "./random.fixture.ts";
import { backend, exact, grpc, request, route, to, type RuleInit } from "./table.fixture.ts";

function candidatesOf(own: ClusterPart): Candidate[] {
  return own.routes.flatMap((from) =>
    (from.hostnames.length === 0 ? [""] : from.hostnames).flatMap((hostname) =>
      from.rules.flatMap((rule) => rule.matches.map((asked) => ({ hostname, route: from, rule, match: asked }))),
    ),
  );
}

function holds({ hostname, route: { schemes, singleLabel }, match: asked }: Candidate, facts: Facts): boolean {
  const host = facts.host.toLowerCase().replace(/:\d+$/, "").replace(/\.$/, "");
  const params = new URLSearchParams(facts.query);
  return (
    holdsHost(hostname, singleLabel, host) &&
    (schemes.length === 0 || schemes.includes(facts.scheme)) &&
    holdsPath(asked.path, facts.path) &&
    (!asked.rpcOnly || facts.protocols.some((protocol) => protocol !== "http")) &&
    (asked.protocols.length === 0 || facts.protocols.some((protocol) => asked.protocols.includes(protocol))) &&
    (asked.method === undefined || asked.method === facts.method) &&
    asked.headers.every(([name, value]) => facts.header(name) === value) &&
    asked.params.every(([name, value]) => params.get(name) === value) &&
    asked.conditions.every((condition) => holdsCondition(condition, { ...facts, host }, params))
  );
}

function holdsHost(hostname: string, singleLabel: boolean, host: string): boolean {
  if (!hostname.startsWith("*")) return hostname === "" || hostname === host;
  const labels = host.slice(0, 1 - hostname.length);
  return host.endsWith(hostname.slice(1)) && labels !== "" && !(singleLabel && labels.includes("."));
}

function holdsCondition({ subject, pattern, negate }: Condition, facts: Facts, params: URLSearchParams): boolean {
  const { kind, name } = subject;
  const value =
    kind === "header" ? facts.header(name) : kind === "param" ? (params.get(name) ?? undefined) : facts[kind];
  if (value === undefined) return negate;
  return (pattern === undefined || new RegExp(`^(?:${pattern.text})$`).test(value)) !== negate;
}

function holdsPath(asked: PathMatch, path: string): boolean {
  const [, service, method] = /^\/([^/]+)\/([^/]+)$/.exec(path) ?? [];
  switch (asked.kind) {
    case "exact":
      return asked.path === path;
    case "prefix":
      return asked.path === "/" || path === asked.path || path.startsWith(`${asked.path}/`);
    case "service":
      return asked.service === service;
    default:
      return asked.method === method;
  }
}

/** The first of those that hold, and the backends of every cluster's first with the same hostname, priority and match. */
function expected(parts: readonly ClusterPart[], facts: Facts): unknown {
  const holding = parts.flatMap(candidatesOf).filter((candidate) => holds(candidate, facts));
  const [first, ...others] = holding.toSorted(comparePrecedence);
  if (first === undefined) return undefined;
  const firsts = new Map([[first.route.cluster, first]]);
  for (const other of others) {
    if (asks(other) === asks(first) && !firsts.has(other.route.cluster)) firsts.set(other.route.cluster, other);
  }
  const forwarding = [...firsts.values()].filter(
    ({ rule }) => rule.filters.length === 0 && rule.backends.some(({ weight }) => weight > 0),
  );
  const sharing = first.rule.filters.length === 0 && forwarding.length > 0 ? forwarding : [first];
  const shares = sharing.map((own) => {
    const alike = sharing.filter(({ route: { failover } }) => failover === own.route.failover);
    const sum = alike.reduce((total, { route: { clusterWeight } }) => total + clusterWeight, 0);
    const share = sum === 0 ? 1 / alike.length : own.route.clusterWeight / sum;
    return [own.route.cluster, own.rule.source.ruleIndex, own.route.failover, share] as const;
  });
  const { source } = first.rule;
  return { source, key: first.route.key, index: first.match.index, shares: shares.filter(hasCalls) };
}

/** Whether a share has any calls. */
function hasCalls([, , , share]: readonly [string, number, number, number]): boolean {
  return share > 0;
}

/** What is the same for candidates that ask for the same. */
function asks(candidate: Candidate): string {
  const { hostname, rule, match: asked } = candidate;
  return JSON.stringify([hostname, isSingle(candidate), rule.priority, { ...asked, index: 0 }]);
}

function actual(parts: readonly ClusterPart[], requests: readonly Facts[]): unknown[] {
  const table = compile(parts);
  return requests.map((facts) => matched(table, facts));
}

function matched(table: RouteTable, facts: Facts): unknown {
  const found = match(table, facts);
  if (found === undefined) return undefined;
  const { rule, route: from } = found;
  const own = { cluster: from.cluster, rule, failover: from.failover, weight: 1 };
  const { clusters = [own] } = rule;
  const shares = clusters.map(({ cluster, rule: { source }, failover, weight }) => {
    const alike = clusters.filter((other) => other.failover === failover);
    const sum = alike.reduce((total, other) => total + other.weight, 0);
    return [cluster, source.ruleIndex, failover, weight / sum] as const;
  });
  return { source: rule.source, key: from.key, index: found.match.index, shares: shares.filter(hasCalls) };
}

it("The index finds what holding every candidate against the request finds, in 4,000 random tables", () => {
  let found = 0;
  for (let seed = 0; seed < 4000; seed++) {
    const random = randomOf(seed);
    const parts = ["east", "west", "north"].slice(0, 1 + random(3)).map((cluster) => randomPart(random, cluster));
    const requests = Array.from({ length: 10 }, () => randomRequest(random));
    const wanted = requests.map((facts) => expected(parts, facts));
    expect(actual(parts, requests), `seed ${seed}`).toEqual(wanted);
    found += wanted.filter(Boolean).length;
  }
  expect(found, "requests that have a rule").toBeGreaterThan(10_000);
});

it("Explaining comes to the end that matching comes to, in 1,000 random tables", () => {
  for (let seed = 0; seed < 1000; seed++) {
    const random = randomOf(seed);
    const parts = ["east", "west", "north"].slice(0, 1 + random(3)).map((cluster) => randomPart(random, cluster));
    const table = compile(parts);
    const requests = Array.from({ length: 10 }, () => randomRequest(random));
    const wanted = requests.map((facts) => matched(table, facts));
    expect(
      requests.map((facts) => explained(table, facts)),
      `seed ${seed}`,
    ).toEqual(wanted);
  }
});

/** Where the calls go, as the explanation has it. */
function explained(table: RouteTable, facts: Facts): unknown {
  const verdicts = explain(table, facts);
  const reasoned = ({ outcome, reason }: Verdict) =>
    (outcome === "loses" || outcome === "standsBy") === (reason !== undefined);
  if (!verdicts.every(reasoned)) return "no reason";
  const [first] = verdicts;
  if (first?.outcome !== "wins") return undefined;
  const { route: from, rule, match: asked } = first.candidate;
  const shares = verdicts.map(({ candidate: { route: own, rule: its }, share }) => {
    return [own.cluster, its.source.ruleIndex, own.failover, share] as const;
  });
  return { source: rule.source, key: from.key, index: asked.index, shares: shares.filter(hasCalls) };
}

it("Whatever bytes a table decodes from, it becomes a part that compiles and matches, or a list of issues", () => {
  const outcomes = { unreadable: 0, refused: 0, kept: 0 };
  const regex = { pattern: "^/(a)", substitution: String.raw`/\1` };
  const filters: RuleInit["filters"] = [
    { filter: { case: "requestHeaders", value: { set: [{ name: "n", value: "v" }] } } },
    {
      filter: {
        case: "urlRewrite",
        value: { authority: "a.test:1", path: { modifier: { case: "regex", value: regex } } },
      },
    },
    { filter: { case: "redirect", value: { scheme: "https", status: 302 } } },
  ];
  const conditions: ConditionInit[] = [{ subject: { case: "header", value: "n" }, regex: "v[0-9]+|(a)*" }];
  const matches = [{ ...exact("/a"), headers: [{ name: "n", exact: "v" }] }, grpc("s"), { conditions }];
  const rules = [{ matches, filters, priority: 1, backends: to({ a: 1 }) }];
  const routes = [route("r", { hostnames: ["*.a.test"], schemes: [Scheme.HTTPS], rules })];
  const whole = toBinary(
    ClusterTableSchema,
    create(ClusterTableSchema, { cluster: "east", routes, backends: [backend("default/a:1")] }),
  );
  for (let seed = 0; seed < 5000; seed++) {
    const random = randomOf(seed);
    const bytes = Uint8Array.from(whole);
    for (let flips = 1 + random(3); flips > 0; flips--) bytes[random(bytes.length)] = random(256);
    outcomes[outcomeOf(bytes)]++;
  }
  expect(Math.min(...Object.values(outcomes)), JSON.stringify(outcomes)).toBeGreaterThan(100);
});

function outcomeOf(bytes: Uint8Array): "unreadable" | "refused" | "kept" {
  let table;
  try {
    table = fromBinary(ClusterTableSchema, bytes);
  } catch {
    return "unreadable";
  }
  const decoded = decode(table);
  if (decoded.issues !== undefined) return "refused";
  match(compile([decoded.part]), request("https://b.a.test/s/m"));
  return "kept";
}
