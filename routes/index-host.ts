/** Builds the index over the rules of one hostname: by scheme, priority, path, then the conditions' names and values. */
import { nameOf, shapeKey, valuesOf } from "./conditions.ts";
import {
  FrozenMap,
  type Bucket,
  type HostRules,
  type PathIndex,
  type SegmentNode,
  type Shape,
  type ValueTree,
} from "./host-index.ts";
import { mergeClusters } from "./merge.ts";
import type { Candidate, Scheme } from "./model.ts";
import { specificityOf } from "./precedence.ts";

/** There is one candidate at least. */
export function indexHost(candidates: readonly Candidate[]): HostRules {
  if (candidates.every(({ route }) => route.schemes.length === 0)) {
    const paths = indexPriorities(candidates)!;
    return onlyOne(paths) ?? paths;
  }
  return Object.freeze({ http: indexScheme(candidates, "http"), https: indexScheme(candidates, "https") });
}

/** The candidate that is all there is, if it takes every request. */
function onlyOne({ exact, prefixes, methods, lower }: PathIndex): Candidate | undefined {
  const { segments, service, prefix } = prefixes;
  if (exact ?? methods ?? lower ?? segments ?? service) return undefined;
  return prefix !== undefined && "route" in prefix ? prefix : undefined;
}

function indexScheme(candidates: readonly Candidate[], scheme: Scheme): PathIndex | undefined {
  return indexPriorities(
    candidates.filter(({ route }) => route.schemes.length === 0 || route.schemes.includes(scheme)),
  );
}

/** Of the highest priority, on top of the lower ones. */
function indexPriorities(candidates: readonly Candidate[]): PathIndex | undefined {
  const ascending = [...Map.groupBy(candidates, ({ rule }) => rule.priority)].toSorted(([a], [b]) => a - b);
  return ascending.reduce<PathIndex | undefined>((lower, [, own]) => indexPaths(own, lower), undefined);
}

function indexPaths(candidates: readonly Candidate[], lower: PathIndex | undefined): PathIndex {
  const exact: Placed[] = [];
  const prefixes: Placed[] = [];
  const methods: Placed[] = [];
  for (const candidate of candidates) {
    const { path } = candidate.match;
    if (path.kind === "exact") exact.push({ at: [path.path], candidate });
    else if (path.kind === "prefix") prefixes.push({ at: segmentsOf(path.path), candidate });
    else if (path.kind === "service") prefixes.push({ at: [path.service], candidate });
    else methods.push({ at: [path.method], candidate });
  }
  return Object.freeze({
    exact: divide(exact, (entry) => entry.at[0]!, bucketOf),
    prefixes: indexSegments(prefixes, 0),
    methods: divide(methods, (entry) => entry.at[0]!, bucketOf),
    lower,
  });
}

/** A candidate and the keys that lead to it. */
interface Placed {
  readonly at: readonly string[];
  readonly candidate: Candidate;
}

function segmentsOf(prefix: string): readonly string[] {
  return prefix === "/" ? [] : prefix.slice(1).split("/");
}

function indexSegments(entries: readonly Placed[], depth: number): SegmentNode {
  const here = Map.groupBy(entries, ({ at, candidate }) => (at.length > depth ? "deeper" : candidate.match.path.kind));
  const service = here.get("service");
  const prefix = here.get("prefix");
  return Object.freeze({
    segments: divide(
      here.get("deeper"),
      (entry) => entry.at[depth]!,
      (own) => indexSegments(own, depth + 1),
    ),
    service: service && bucketOf(service),
    prefix: prefix && bucketOf(prefix),
  });
}

function bucketOf(entries: readonly Placed[]): Bucket {
  let always: Candidate | undefined;
  const shapes: Shape[] = [];
  const candidates = entries.map((entry) => entry.candidate);
  for (const [key, alike] of Map.groupBy(candidates, ({ match }) => shapeKey(match))) {
    if (key === "") always = mergeClusters(alike);
    else shapes.push(indexShape(alike));
  }
  if (always !== undefined && shapes.length === 0) return always;
  return Object.freeze({
    shapes: Object.freeze(shapes.toSorted((a, b) => b.specificity - a.specificity)),
    always,
  });
}

function indexShape(candidates: readonly Candidate[]): Shape {
  const { match } = candidates[0]!;
  const { rpcOnly, protocols, method, headers, params, conditions } = match;
  return Object.freeze({
    specificity: specificityOf(match),
    rpcOnly,
    protocols,
    method: method !== undefined,
    headers: Object.freeze(headers.map(nameOf)),
    params: Object.freeze(params.map(nameOf)),
    conditions,
    values: indexValues(
      candidates.map((candidate) => ({ at: valuesOf(candidate.match), candidate })),
      0,
    ),
  });
}

function indexValues(entries: readonly Placed[], depth: number): ValueTree {
  if (entries[0]!.at.length === depth) return mergeClusters(entries.map((entry) => entry.candidate));
  return divide(
    entries,
    (entry) => entry.at[depth]!,
    (own) => indexValues(own, depth + 1),
  )!;
}

/** A map of what `build` makes of the entries of each key; undefined if there are none. */
export function divide<E, V>(
  entries: readonly E[] | undefined,
  keyOf: (entry: E) => string,
  build: (own: readonly E[]) => V,
): FrozenMap<V> | undefined {
  if (entries === undefined || entries.length === 0) return undefined;
  return new FrozenMap(Array.from(Map.groupBy(entries, keyOf), ([key, own]) => [key, build(own)] as const));
}
