/**
 * Builds the index over all clusters' candidates: by host, then as index-host.ts does.
 * Each step divides its candidates among the next ones, so the whole takes time linear in the size of the parts,
 * and candidates with the same host and match meet at one leaf, where clusters merge.
 */
import { FrozenMap, type HostIndex, type HostRules, type LabelNode } from "./host-index.ts";
import { divide, indexHost } from "./index-host.ts";
import type { Candidate, ClusterPart, Route, RouteTable } from "./model.ts";
import { isSingle } from "./precedence.ts";

/** @throws Error if two parts are of one cluster. */
export function compile(parts: readonly ClusterPart[], revision = 0n): RouteTable {
  return new Compiler().compile(parts, revision);
}

/** Compiles one table after the other; hosts whose routes are the very same as before are not indexed again. */
export class Compiler {
  readonly #candidates = new WeakMap<Route, readonly Candidate[]>();
  #hosts: ReadonlyMap<string, Host> = new Map<string, Host>();

  /** @throws Error if two parts are of one cluster. */
  compile(parts: readonly ClusterPart[], revision: bigint): RouteTable {
    if (new Set(parts.map((part) => part.cluster)).size < parts.length) throw new Error("two parts of one cluster");
    const candidates = parts.flatMap((part) => part.routes.flatMap((route) => this.#candidatesOf(route)));
    const hosts = new Map<string, Host>();
    for (const [hostname, own] of Map.groupBy(candidates, (candidate) => candidate.hostname)) {
      const before = this.#hosts.get(hostname);
      hosts.set(
        hostname,
        before !== undefined && sameElements(before.candidates, own) ? before : hostOf(hostname, own),
      );
    }
    this.#hosts = hosts;
    return Object.freeze({ revision, parts: Object.freeze([...parts]), hosts: indexHosts(hosts) });
  }

  #candidatesOf(route: Route): readonly Candidate[] {
    let candidates = this.#candidates.get(route);
    if (candidates === undefined) this.#candidates.set(route, (candidates = candidatesOf(route)));
    return candidates;
  }
}

function sameElements(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((element, i) => element === b[i]);
}

/** What requests are held against: a match of a rule for a hostname. */
export function candidatesOf(route: Route): Candidate[] {
  const hostnames = route.hostnames.length === 0 ? [""] : route.hostnames;
  return hostnames.flatMap((hostname) =>
    route.rules.flatMap((rule) => rule.matches.map((match) => Object.freeze({ hostname, route, rule, match }))),
  );
}

/** All that is known of one hostname. */
interface Host {
  readonly candidates: readonly Candidate[];
  /** One, or two of a wildcard that stands for one label in some routes and for more in others. */
  readonly entries: readonly Entry[];
}

interface Entry {
  /** Of a wildcard, from the right, without the "*". */
  readonly labels: readonly string[];
  /** Whether "*" stands for exactly one label. */
  readonly single: boolean;
  readonly rules: HostRules;
}

function hostOf(hostname: string, candidates: readonly Candidate[]): Host {
  const labels = hostname.slice("*.".length).split(".").toReversed();
  const entries = Array.from(Map.groupBy(candidates, isSingle), ([single, own]) => ({
    labels,
    single,
    rules: indexHost(own),
  }));
  return { candidates, entries };
}

function indexHosts(hosts: ReadonlyMap<string, Host>): HostIndex {
  const exact: [string, HostRules][] = [];
  const wildcards: Entry[] = [];
  for (const [hostname, { entries }] of hosts) {
    if (hostname.startsWith("*.")) wildcards.push(...entries);
    else if (hostname !== "") exact.push([hostname, entries[0]!.rules]);
  }
  return Object.freeze({
    exact: exact.length === 0 ? undefined : new FrozenMap(exact),
    wildcards: indexLabels(wildcards, 0),
    any: hosts.get("")?.entries[0]?.rules,
  });
}

function indexLabels(entries: readonly Entry[], depth: number): LabelNode {
  const deeper = entries.filter((entry) => entry.labels.length > depth);
  const here = entries.filter((entry) => entry.labels.length === depth);
  return Object.freeze({
    labels: divide(
      deeper,
      (entry) => entry.labels[depth]!,
      (own) => indexLabels(own, depth + 1),
    ),
    single: here.find((entry) => entry.single)?.rules,
    rules: here.find((entry) => !entry.single)?.rules,
  });
}
