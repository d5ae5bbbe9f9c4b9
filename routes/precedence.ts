/**
 * Which of several matching candidates wins, for HTTPRoute, GRPCRoute and Ingress together.
 *
 * Hosts, as Gateway API orders HTTPRoutes and GRPCRoutes whose hostnames intersect: precedence goes to the largest
 * number of "characters in a matching non-wildcard hostname", then of "characters in a matching hostname". It ranks
 * the rules of all matching hostnames and takes none of them out, so a request that no rule of its exact host takes
 * goes on to the wildcards, longest first, and at last to the routes without hostnames.
 *
 * Then, among the rules of one hostname, the highest priority: of dialects whose rules have an order of their own.
 *
 * Then matches:
 *   HTTPRoute  Exact path > longest path prefix > method > most headers > most query parameters
 *   GRPCRoute  most characters of the service > of the method > most headers
 *   Ingress    Exact path > longest path prefix
 * Ties of all three: the first in the order of failover, which is Edgeway's own > the oldest object > first by "namespace/name" > first rule, first match.
 *
 * Where HTTP and gRPC meet, a GRPCMethodMatch takes the place of the path that it stands for: service and method are
 * the Exact path "/service/method"; a service alone is the prefix "/service/", one character longer than the prefix
 * "/service" and shorter than any that goes on; a method alone is the prefix "/" narrowed by its characters, so it
 * comes before what takes every path and after all else.
 */
import type { Candidate, Condition, Match, PathMatch } from "./model.ts";

/** A reason why one candidate goes before another. */
export interface Step {
  /** Completes "the other has …". */
  readonly says: string;
  /** Negative if `a` goes first. */
  compare(a: Candidate, b: Candidate): number;
}

/** Negative if `a` goes first. Zero only for one and the same candidate. */
export function comparePrecedence(a: Candidate, b: Candidate): number {
  return compareBy(precedence, a, b);
}

/** Between candidates whose matches are equally specific: by the objects they come from. */
export function compareObjects(a: Candidate, b: Candidate): number {
  return compareBy(objectSteps, a, b);
}

function compareBy(steps: readonly Step[], a: Candidate, b: Candidate): number {
  for (const step of steps) {
    const order = step.compare(a, b);
    if (order !== 0) return order;
  }
  return 0;
}

/** One number for all that a match asks for besides its path: the greater goes first. */
export function specificityOf(match: Match): number {
  return conditionSteps.reduce((number, step) => number * countLimit + step.count(match), 0);
}

/** More than any count of conditions can be. */
const countLimit = 64;

const hostSteps: readonly Step[] = [
  { says: "a longer exact hostname", compare: (a, b) => literalLength(b.hostname) - literalLength(a.hostname) },
  { says: "a longer hostname", compare: (a, b) => b.hostname.length - a.hostname.length },
  { says: "a wildcard of one label only", compare: (a, b) => Number(isSingle(b)) - Number(isSingle(a)) },
  { says: "a higher priority", compare: (a, b) => b.rule.priority - a.rule.priority },
];

function literalLength(hostname: string): number {
  return hostname.startsWith("*") ? 0 : hostname.length;
}

/** Whether the candidate's wildcard stands for one label. */
export function isSingle({ hostname, route }: Candidate): boolean {
  return route.singleLabel && hostname.startsWith("*");
}

const pathSteps: readonly Step[] = [
  { says: "an exact path", compare: (a, b) => Number(isExact(b)) - Number(isExact(a)) },
  { says: "a longer path", compare: (a, b) => pathLength(b.match.path) - pathLength(a.match.path) },
  { says: "a longer gRPC method", compare: (a, b) => methodLength(b.match.path) - methodLength(a.match.path) },
];

function isExact({ match }: Candidate): boolean {
  return match.path.kind === "exact";
}

function pathLength(path: PathMatch): number {
  switch (path.kind) {
    case "service":
      return "/".length + path.service.length + "/".length;
    case "method":
      return "/".length;
    default:
      return path.path.length;
  }
}

function methodLength(path: PathMatch): number {
  return path.kind === "method" ? path.method.length : 0;
}

const conditionSteps = [
  { says: "more conditions on the path", count: (match: Match) => countOf(match, "path") },
  { says: "calls only", count: ({ rpcOnly }: Match) => Number(rpcOnly) },
  { says: "a condition on the protocol", count: ({ protocols }: Match) => Number(protocols.length > 0) },
  {
    says: "a condition on the method",
    count: (match: Match) => Number(match.method !== undefined || countOf(match, "method") > 0),
  },
  {
    says: "more conditions on headers",
    count: (match: Match) => match.headers.length + countOf(match, "header"),
  },
  {
    says: "more conditions on query parameters",
    count: (match: Match) => match.params.length + countOf(match, "param"),
  },
  {
    says: "more conditions on host and scheme",
    count: (match: Match) => countOf(match, "host") + countOf(match, "scheme"),
  },
];

function countOf({ conditions }: Match, kind: Condition["subject"]["kind"]): number {
  let count = 0;
  for (const { subject } of conditions) if (subject.kind === kind) count++;
  return count;
}

const objectSteps: readonly Step[] = [
  { says: "an earlier place in the order of failover", compare: (a, b) => a.route.failover - b.route.failover },
  { says: "an older object", compare: (a, b) => a.route.created - b.route.created },
  { says: "the first namespace and name", compare: (a, b) => compareText(objectName(a), objectName(b)) },
  { says: "the first cluster name", compare: (a, b) => compareText(a.route.cluster, b.route.cluster) },
  { says: "the first kind", compare: (a, b) => compareText(a.route.source.kind, b.route.source.kind) },
  { says: "an earlier rule", compare: (a, b) => a.rule.source.ruleIndex - b.rule.source.ruleIndex },
  { says: "an earlier match", compare: (a, b) => a.match.index - b.match.index },
  { says: "the first route key", compare: (a, b) => compareText(a.route.key, b.route.key) },
];

function objectName(candidate: Candidate): string {
  return `${candidate.route.source.namespace}/${candidate.route.source.name}`;
}

/** By code units, as Kubernetes compares names: no locale. */
function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** All reasons, in their order. */
export const precedence: readonly Step[] = [
  ...hostSteps,
  ...pathSteps,
  ...conditionSteps.map(({ says, count }) => ({
    says,
    compare: (a: Candidate, b: Candidate) => count(b.match) - count(a.match),
  })),
  ...objectSteps,
];
