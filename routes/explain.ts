/**
 * Why a request goes where it goes: every rule of its host, and what decided about it. It holds each against the
 * request one by one, as match does not, and comes to the same end.
 */
import { shapeKey, valuesOf } from "./conditions.ts";
import { candidatesOf } from "./compile.ts";
import { answers, mergeClusters } from "./merge.ts";
import type { Candidate, ClusterShare, Condition, Match, PathMatch, RouteTable } from "./model.ts";
import { comparePrecedence, isSingle, precedence } from "./precedence.ts";
import { grpcMethodOf, isGrpcPath } from "./request.ts";
import { View, mayBeCall, speaksAny, type Facts } from "./view.ts";

/** What became of a candidate. */
export interface Verdict {
  readonly candidate: Candidate;
  /**
   * "shares" and "standsBy": it asks for the same as the one that wins, so that its cluster has a part of the calls, or
   * takes them when no cluster before it can.
   */
  readonly outcome: "wins" | "shares" | "standsBy" | "loses";
  /** Of the calls, or of those that come to who stands by, in [0, 1]. */
  readonly share: number;
  /**
   * Of who stands by, which clusters come first. Of who loses, what of it the request does not meet, or what the one
   * that wins has before it.
   */
  readonly reason: string | undefined;
}

/** The candidates whose hostname is the request's: first those that it meets, then the others, each by precedence. */
export function explain(table: RouteTable, facts: Facts): readonly Verdict[] {
  const view = new View(facts);
  const ofHost = table.parts
    .flatMap((part) => part.routes.flatMap(candidatesOf))
    .filter((candidate) => coversHost(candidate.hostname, view.host, isSingle(candidate)))
    .toSorted(comparePrecedence)
    .map((candidate) => ({ candidate, failure: failureOf(candidate, view) }));
  const met = ofHost.filter(({ failure }) => failure === undefined).map(({ candidate }) => candidate);
  const [winner] = met;
  if (winner === undefined) return ofHost.map(({ candidate, failure }) => loses(candidate, failure!));
  const judge = new Judge(winner, mergeClusters(met.filter((candidate) => asksTheSame(candidate, winner))));
  return [
    ...met.map((candidate) => judge.verdictOn(candidate)),
    ...ofHost.flatMap(({ candidate, failure }) => (failure === undefined ? [] : [loses(candidate, failure)])),
  ];
}

function loses(candidate: Candidate, reason: string): Verdict {
  return { candidate, outcome: "loses", share: 0, reason };
}

/** Judges the candidates that the request meets, by precedence. */
class Judge {
  readonly #winner: Candidate;
  /** Undefined: the winner's cluster alone has the calls. */
  readonly #shares: readonly ClusterShare[] | undefined;
  /** Whose first candidate was judged: it hides the others. */
  readonly #clusters = new Set<string>();

  constructor(winner: Candidate, merged: Candidate) {
    this.#winner = winner;
    this.#shares = merged.rule.clusters;
  }

  verdictOn(candidate: Candidate): Verdict {
    const winner = this.#winner;
    const { cluster } = candidate.route;
    const hidden = this.#clusters.has(cluster) || !asksTheSame(candidate, winner);
    if (!hidden) this.#clusters.add(cluster);
    const own = hidden ? undefined : this.#shares?.find((one) => one.cluster === cluster);
    const share = own === undefined ? 0 : this.#shareOf(own);
    if (candidate === winner)
      return { candidate, outcome: "wins", share: this.#shares === undefined ? 1 : share, reason: undefined };
    if (own !== undefined) {
      const before = this.#shares!.filter(({ failover }) => failover < own.failover);
      if (before.length === 0) return { candidate, outcome: "shares", share, reason: undefined };
      const names = before.map((one) => one.cluster).join(", ");
      return { candidate, outcome: "standsBy", share, reason: `it serves when none of these clusters can: ${names}` };
    }
    const loss = `the rule that wins has ${stepBetween(winner, candidate)}`;
    return loses(candidate, hidden ? loss : `${loss}, and ${whyNoShare(winner, candidate)}`);
  }

  #shareOf({ weight, failover }: ClusterShare): number {
    const sum = this.#shares!.reduce((total, one) => (one.failover === failover ? total + one.weight : total), 0);
    return weight / sum;
  }
}

function whyNoShare(winner: Candidate, candidate: Candidate): string {
  if (answers(winner) || answers(candidate)) return "where one answers by itself, clusters do not share";
  return "this one has no backend with a weight to share with";
}

function asksTheSame(a: Candidate, b: Candidate): boolean {
  return (
    a.hostname === b.hostname &&
    isSingle(a) === isSingle(b) &&
    a.rule.priority === b.rule.priority &&
    requestKey(a.match) === requestKey(b.match)
  );
}

function requestKey(match: Match): string {
  return JSON.stringify([match.path, shapeKey(match), valuesOf(match)]);
}

function stepBetween(winner: Candidate, candidate: Candidate): string {
  return precedence.find((one) => one.compare(winner, candidate) !== 0)?.says ?? "no difference";
}

/**
 * Whether a rule for `hostname` is one for `host`.
 *
 * @param single whether a wildcard stands for one label only
 */
export function coversHost(hostname: string, host: string, single = false): boolean {
  if (!hostname.startsWith("*")) return hostname === "" || hostname === host;
  const labels = host.slice(0, 1 - hostname.length);
  return host.endsWith(hostname.slice(1)) && labels !== "" && !(single && labels.includes("."));
}

/** The first thing that the request does not meet; undefined if it meets all. */
function failureOf({ route, match }: Candidate, view: View): string | undefined {
  const { facts } = view;
  if (route.schemes.length > 0 && !route.schemes.includes(facts.scheme)) return `it is for ${route.schemes[0]} only`;
  if (!coversPath(match.path, facts.path)) return `the path is not ${describePath(match.path)}`;
  if (match.rpcOnly && !mayBeCall(facts)) return "it takes calls only: gRPC, gRPC-Web and Connect";
  if (!speaksAny(facts, match.protocols)) return `it takes ${match.protocols.join(", ")} only`;
  if (match.method !== undefined && match.method !== facts.method) return `the method is not ${match.method}`;
  for (const [name, wanted] of match.headers) {
    const value = facts.header(name);
    if (value !== wanted) return `header ${name} is ${describeValue(value)}, not "${wanted}"`;
  }
  for (const [name, wanted] of match.params) {
    const value = view.param(name);
    if (value !== wanted) return `query parameter ${name} is ${describeValue(value)}, not "${wanted}"`;
  }
  const failed = match.conditions.find((condition) => !view.meets(condition));
  return failed && describeFailure(failed, view);
}

function coversPath(asked: PathMatch, path: string): boolean {
  if (!path.startsWith("/")) return false;
  switch (asked.kind) {
    case "exact":
      return path === asked.path;
    case "prefix":
      return asked.path === "/" || path === asked.path || path.startsWith(`${asked.path}/`);
    case "service":
      return isGrpcPath(path) && path.startsWith(`/${asked.service}/`);
    case "method":
      return isGrpcPath(path) && grpcMethodOf(path) === asked.method;
  }
}

function describePath(path: PathMatch): string {
  switch (path.kind) {
    case "exact":
      return path.path;
    case "prefix":
      return `${path.path} or below it`;
    case "service":
      return `of the gRPC service ${path.service}`;
    case "method":
      return `of a gRPC method ${path.method}`;
  }
}

function describeValue(value: string | undefined): string {
  return value === undefined ? "missing" : `"${value}"`;
}

const partNames = {
  header: "header",
  param: "query parameter",
  path: "the path",
  host: "the host",
  method: "the method",
  scheme: "the scheme",
};

function describeFailure(condition: Condition, view: View): string {
  const { subject, pattern, negate } = condition;
  const name = subject.name === undefined ? partNames[subject.kind] : `${partNames[subject.kind]} ${subject.name}`;
  const value = describeValue(view.valueOf(subject));
  if (pattern === undefined) return negate ? `${name} is ${value} and must be missing` : `${name} is missing`;
  return `${name} is ${value} and must ${negate ? "not " : ""}match ${pattern.text}`;
}
