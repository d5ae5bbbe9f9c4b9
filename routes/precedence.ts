/**
 * Which of several matching candidates wins, for HTTPRoute, GRPCRoute and Ingress together.
 *
 * Hosts, as Gateway API orders HTTPRoutes and GRPCRoutes whose hostnames intersect: precedence goes to the largest
 * number of "characters in a matching non-wildcard hostname", then of "characters in a matching hostname". It ranks
 * the rules of all matching hostnames and takes none of them out, so a request that no rule of its exact host takes
 * goes on to the wildcards, longest first, and at last to the routes without hostnames.
 *
 * Matches:
 *   HTTPRoute  Exact path > longest path prefix > method > most headers > most query parameters
 *   GRPCRoute  most characters of the service > of the method > most headers
 *   Ingress    Exact path > longest path prefix
 * Ties of all three: the oldest object > first by "namespace/name" > first rule, first match.
 *
 * Where HTTP and gRPC meet, a GRPCMethodMatch takes the place of the path that it stands for: service and method are
 * the Exact path "/service/method"; a service alone is the prefix "/service/", one character longer than the prefix
 * "/service" and shorter than any that goes on; a method alone is the prefix "/" narrowed by its characters, so it
 * comes before what takes every path and after all else.
 */
import type { Candidate, PathMatch } from "./model.ts";

/** Negative if `a` goes first. Zero only for one and the same candidate. */
export function comparePrecedence(a: Candidate, b: Candidate): number {
  return (
    compareHostnames(a.hostname, b.hostname) ||
    comparePaths(a.match.path, b.match.path) ||
    compareConditions(a.match, b.match) ||
    compareObjects(a, b)
  );
}

function compareHostnames(a: string, b: string): number {
  return literalLength(b) - literalLength(a) || b.length - a.length;
}

function literalLength(hostname: string): number {
  return hostname.startsWith("*") ? 0 : hostname.length;
}

function comparePaths(a: PathMatch, b: PathMatch): number {
  return (
    Number(b.kind === "exact") - Number(a.kind === "exact") ||
    pathLength(b) - pathLength(a) ||
    methodLength(b) - methodLength(a)
  );
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

/** What a match asks for besides its path. */
interface Conditions {
  readonly method: string | boolean | undefined;
  readonly headers: { readonly length: number };
  readonly params: { readonly length: number };
}

/** Negative if `a` asks for more. */
export function compareConditions(a: Conditions, b: Conditions): number {
  return (
    Number(Boolean(b.method)) - Number(Boolean(a.method)) ||
    b.headers.length - a.headers.length ||
    b.params.length - a.params.length
  );
}

/** Between candidates whose matches are equally specific: by the objects they come from. */
export function compareObjects(a: Candidate, b: Candidate): number {
  return (
    a.route.created - b.route.created ||
    compareText(objectName(a), objectName(b)) ||
    compareText(a.route.cluster, b.route.cluster) ||
    compareText(a.route.source.kind, b.route.source.kind) ||
    a.rule.source.ruleIndex - b.rule.source.ruleIndex ||
    a.match.index - b.match.index ||
    compareText(a.route.key, b.route.key)
  );
}

function objectName(candidate: Candidate): string {
  return `${candidate.route.source.namespace}/${candidate.route.source.name}`;
}

/** By code units, as Kubernetes compares names: no locale. */
function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
