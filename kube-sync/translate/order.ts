import { RequestPart, Scheme } from "../../proto/gen/edgeway/v1/table_pb.js";
import type { RouteInit, RuleInit, SourceName } from "./context.ts";
import { coveringHostnames } from "./hostnames.ts";
import type { Match } from "./match.ts";
import { isBelow, toMatchInit } from "./match.ts";
import { getOrAdd } from "./object-index.ts";

/** A rule for one hostname, "" for every host, among others that are tried in the order of a list. */
export interface OrderedRule {
  readonly hostname: string;
  /** Whose rule it is. */
  readonly source: SourceName;
  readonly via?: SourceName;
  readonly createdSeconds: number;
  /** Empty: all. */
  readonly schemes: readonly Scheme[];
  /** Whether "*" in the hostname is one label. */
  readonly singleLabel?: boolean;
  /** Any of them; empty: every request. */
  readonly matches: readonly Match[];
  readonly rule: Omit<RuleInit, "matches" | "priority">;
  /** Where that does not go by the list: a negative one gives way to rules of other objects and clusters, too. */
  readonly priority?: number;
}

/**
 * Routes whose rules are tried in the order of the list. Dialects have one order for all hosts where the table tries
 * the longest hostname first: so a rule for more hosts is repeated for each narrower hostname that has a rule after it.
 * `keyOf`: of the route that a rule belongs to, together with its schemes; unique for its source and hostname.
 */
export function inOrder<R extends OrderedRule>(rules: readonly R[], keyOf: (rule: R) => string): RouteInit[] {
  return [...withWider(rules)].flatMap(([hostname, there]) => forHostname(there, hostname, keyOf));
}

/** By hostname, its rules and those for more hosts that are for it, too; in the order of the list. */
export function withWider<R extends OrderedRule>(rules: readonly R[]): Map<string, R[]> {
  const own = Map.groupBy(rules, ({ hostname }) => hostname);
  const isWide = [...own.keys()].some((hostname) => hostname === "" || hostname.startsWith("*."));
  if (!isWide) return own;
  const places = new Map(rules.map((rule, at) => [rule, at]));
  return new Map(
    [...own.keys()].map((hostname) => {
      const all = coveringHostnames(hostname).flatMap((wider) => own.get(wider) ?? []);
      return [hostname, all.toSorted((a, b) => places.get(a)! - places.get(b)!)];
    }),
  );
}

/** How many rules `withWider` gives. */
export function countWithWider(rules: readonly OrderedRule[]): number {
  const counts = new Map<string, number>();
  for (const { hostname } of rules) counts.set(hostname, (counts.get(hostname) ?? 0) + 1);
  let all = 0;
  for (const hostname of counts.keys()) for (const wider of coveringHostnames(hostname)) all += counts.get(wider) ?? 0;
  return all;
}

/** The routes of one hostname. `rules`: its own and those for more hosts, in order. */
export function forHostname<R extends OrderedRule>(
  rules: readonly R[],
  hostname: string,
  keyOf: (rule: R) => string,
): RouteInit[] {
  const last = rules.findLastIndex((rule) => rule.hostname === hostname);
  const there = rules
    .slice(0, last + 1)
    .map((rule) => (rule.hostname === hostname ? rule : { ...rule, hostname, singleLabel: false }));
  const routes = new Map<string, FilledRoute>();
  addRoutes(routes, there, prioritise(there), keyOf);
  return [...routes.values()];
}

/** Routes whose rules are tried in the table's own order: the narrowest hostname, then the longest path. */
export function inTableOrder<R extends OrderedRule>(rules: readonly R[], keyOf: (rule: R) => string): RouteInit[] {
  const routes = new Map<string, FilledRoute>();
  addRoutes(routes, rules, [], keyOf);
  return [...routes.values()];
}

type FilledRoute = RouteInit & { rules: RuleInit[] };

function addRoutes<R extends OrderedRule>(
  routes: Map<string, FilledRoute>,
  rules: readonly R[],
  priorities: readonly number[],
  keyOf: (rule: R) => string,
): void {
  rules.forEach((rule, i) => {
    const { source, via, createdSeconds, schemes, hostname, singleLabel = false } = rule;
    const own = keyOf(rule);
    const isOther = schemesOf(routes.get(own)?.schemes ?? schemes) !== schemesOf(schemes);
    const key = isOther ? `${own}/${schemesOf(schemes)}` : own;
    const route = getOrAdd(routes, key, (): FilledRoute => ({
      key,
      source,
      via,
      createdSeconds: BigInt(createdSeconds),
      hostnames: hostname === "" ? [] : [hostname],
      schemes: [...schemes],
      rules: [],
      singleLabelWildcards: singleLabel && hostname.startsWith("*."),
    }));
    const priority = rule.priority ?? priorities[i] ?? 0;
    route.rules.push({ ...rule.rule, matches: rule.matches.map(toMatchInit), priority });
  });
}

/** "http", "https" or "any". */
function schemesOf([only, ...others]: readonly Scheme[]): string {
  return only === undefined || others.length > 0 ? "any" : Scheme[only].toLowerCase();
}

/**
 * The rules' priorities. Clusters share what they have equal rules for, priority included: so rules get other
 * priorities only where the table's own precedence would try them in another order than the list's.
 */
function prioritise(rules: readonly OrderedRule[]): number[] {
  const priorities: number[] = [];
  let tier: Ranked[] = [];
  let priority = 0;
  for (const rule of rules.toReversed()) {
    const ranked = { rule, ranks: matchesOf(rule).map(rankOf) };
    if (!tier.every((later) => goesFirst(ranked, later))) {
      priority += 1;
      tier = [];
    }
    tier.push(ranked);
    priorities.push(priority);
  }
  return priorities.toReversed();
}

interface Ranked {
  readonly rule: OrderedRule;
  /** Of its matches. */
  readonly ranks: readonly Rank[];
}

/** Whether the table tries `a` before `b` by itself, or nothing is for both. */
function goesFirst(a: Ranked, b: Ranked): boolean {
  const [one, other] = [a.rule.schemes, b.rule.schemes];
  if (one.length === 1 && other.length === 1 && one[0] !== other[0]) return true;
  return a.ranks.every((rank) =>
    b.ranks.every(
      (later) => areApart(rank, later) || isHigher(rank, later) || (isSame(rank, later) && earlier(a.rule, b.rule)),
    ),
  );
}

function matchesOf({ matches }: OrderedRule): readonly Match[] {
  return matches.length === 0 ? [{ paths: [], methods: [], headers: [], queryParams: [], conditions: [] }] : matches;
}

interface Rank {
  readonly path: string;
  readonly isExact: boolean;
  /** As routes/precedence.ts counts: the greater goes first. */
  readonly counts: readonly number[];
}

function rankOf(match: Match): Rank {
  const { path, headers = [], queryParams = [], httpMethod, conditions = [] } = toMatchInit(match);
  const value = path?.case === "exactPath" || path?.case === "pathPrefix" ? path.value : "/";
  const on = (wanted: "header" | "queryParam" | RequestPart) =>
    conditions.filter(({ subject }) => (subject?.case === "part" ? subject.value : subject?.case) === wanted).length;
  const isExact = path?.case === "exactPath";
  const counts = [
    isExact ? 1 : 0,
    value === "/" ? 1 : value.replace(/\/$/, "").length,
    on(RequestPart.PATH),
    httpMethod !== "" || on(RequestPart.METHOD) > 0 ? 1 : 0,
    headers.length + on("header"),
    queryParams.length + on("queryParam"),
    on(RequestPart.HOST) + on(RequestPart.SCHEME),
  ];
  return { path: value, isExact, counts };
}

/** Whether no path is one that both could take. */
function areApart(a: Rank, b: Rank): boolean {
  if (a.isExact && b.isExact) return a.path !== b.path;
  if (a.isExact) return !isBelow(a.path, b.path);
  return !isBelow(b.path, a.path) && (b.isExact || !isBelow(a.path, b.path));
}

function isHigher({ counts: a }: Rank, { counts: b }: Rank): boolean {
  const i = a.findIndex((count, at) => count !== b[at]);
  return i >= 0 && a[i]! > b[i]!;
}

function isSame({ counts: a }: Rank, { counts: b }: Rank): boolean {
  return a.every((count, i) => count === b[i]);
}

/** Between equals the table goes by the objects' age and names, and then by the rules' indexes. */
function earlier(a: OrderedRule, b: OrderedRule): boolean {
  const { kind, namespace, name } = a.source;
  if (kind !== b.source.kind || namespace !== b.source.namespace || name !== b.source.name) return false;
  return (a.rule.index ?? 0) < (b.rule.index ?? 0);
}
