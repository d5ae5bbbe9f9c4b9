import type { HttpRouteRule } from "../../objects/http-route.ts";
import type {
  BackendObjectRef,
  BackendRef,
  Filter,
  HeaderMatch,
  SessionPersistence,
} from "../../objects/route-parts.ts";
import type { BackendTarget } from "../backends.ts";
import { findPort, noSuchPort, useBackend } from "../backends.ts";
import type { BackendRefInit, Context, FilterInit, RuleInit, Say } from "../context.ts";
import { invalidTarget } from "../context.ts";
import type { ConditionInit, Match } from "../match.ts";
import { onHeader, toMatchInit, wrongRegex } from "../match.ts";
import type { OriginHint } from "../origin.ts";
import { isUnsupportedProtocol } from "../origin.ts";
import type { RouteObject } from "./attach.ts";
import type { FilterPlace, Refused } from "./filters.ts";
import { firstOfEach, isRefused, toFilter } from "./filters.ts";
import { isGranted } from "./grants.ts";
import { guardOfBackend } from "./guards.ts";
import { rulePolicies } from "./rule-policies.ts";

/** Why a match cannot be had. */
export interface Unsupported {
  /** Below the match, such as "path.value". */
  readonly field: string;
  readonly reason: string;
}

/** What is specific to HTTPRoute or GRPCRoute. */
interface RuleParts<M> {
  readonly name: string | undefined;
  /** Their matches; an empty list takes every request. */
  readonly matches: readonly M[];
  readonly filters: readonly Filter[];
  readonly backendRefs: readonly BackendRef[];
  readonly timeouts?: HttpRouteRule["timeouts"];
  readonly retry?: HttpRouteRule["retry"];
  readonly sessionPersistence: SessionPersistence | undefined;
  readonly toMatch: (match: M) => Match | Unsupported;
  /** Whether a match is by path prefix. */
  readonly isPrefix: (match: M) => boolean;
  readonly hint: OriginHint;
}

/** Gateway API's reasons of the condition ResolvedRefs. */
interface Unresolved {
  readonly reason: "InvalidKind" | "BackendNotFound" | "RefNotPermitted" | "UnsupportedProtocol";
  readonly message: string;
}

/** A rule, and what its route's conditions have to say about it. */
export interface TranslatedRule {
  /** Absent when no match of it is left. */
  readonly rule?: RuleInit;
  /** Why it is not served as it says. */
  readonly dropped?: Refused;
  readonly unresolved: readonly Unresolved[];
}

/**
 * One rule. When something in it is not supported, the whole rule fails closed: what it takes is answered with an
 * error that says why. A match that cannot be had is left out of it rather than widened, as a wider one would take
 * other rules' calls.
 */
export function translateRule<M>(
  context: Context,
  route: RouteObject,
  index: number,
  parts: RuleParts<M>,
  say: Say,
): TranslatedRule {
  const field = `spec.rules[${index}]`;
  const refusals: Refused[] = [];
  const refuse = (at: string, message: string, refused: Refused["refused"] = "UnsupportedValue") => {
    refusals.push({ refused, message });
    say("error", `${field}${at}`, message);
  };
  const matches = parts.matches.flatMap((match, i) => {
    const result = parts.toMatch(match);
    if (!("reason" in result)) return [toMatchInit(result)];
    refuse(`.matches[${i}].${result.field}`, result.reason);
    return [];
  });
  const place = { kind: route.kind, ofBackend: false, prefixesOnly: parts.matches.every(parts.isPrefix) };
  const unresolved: Unresolved[] = [];
  const refPlace = { context, route, place, hint: parts.hint, say, unresolved };
  const filters = translateFilters(parts.filters, { ...refPlace, field: `${field}.filters` }, (at, refused) =>
    refuse(`.filters${at}`, refused.message, refused.refused),
  );
  const redirects = parts.filters.some(({ type }) => type === "RequestRedirect");
  if (redirects && parts.backendRefs.length > 0) {
    refuse(".backendRefs", "a rule that redirects can have no backendRefs", "IncompatibleFilters");
  }
  const [dropped] = refusals;
  if (parts.matches.length > 0 && matches.length === 0) {
    say("error", field, "is left out, as none of its matches is supported");
    return { ...(dropped && { dropped }), unresolved };
  }
  if (dropped !== undefined) {
    say("error", field, "answers with an error, as not all of it is supported");
    const backends = [{ target: invalidTarget(dropped.message), weight: 1 }];
    return { rule: { index, name: parts.name ?? "", matches, backends }, dropped, unresolved };
  }
  if (parts.backendRefs.length === 0 && !redirects)
    say("warning", field, "has no backendRefs: it answers with an error");
  const backends = parts.backendRefs.map((ref, i) =>
    toBackendRef({ ...refPlace, field: `${field}.backendRefs[${i}]` }, ref),
  );
  const policies = rulePolicies(parts, field, say);
  return { rule: { index, name: parts.name ?? "", matches, filters, backends, ...policies }, unresolved };
}

/** Gateway API: filters of one type can be there once, and a redirect leaves nothing to rewrite. */
function translateFilters(
  filters: readonly Filter[],
  at: RefPlace,
  refuse: (at: string, refused: Refused) => void,
): FilterInit[] {
  const types = filters.map(({ type }) => type);
  return filters.flatMap((filter, i) => {
    const { type } = filter;
    const mirror = type === "RequestMirror" ? filter.requestMirror : undefined;
    let result = mirror ? toMirror({ ...at, field: `${at.field}[${i}]` }, mirror) : toFilter(filter, at.place);
    if (types.indexOf(type) < i && type !== "RequestMirror" && type !== "ExtensionRef") {
      result = { refused: "IncompatibleFilters", message: `there is more than one ${type}` };
    } else if (type === "URLRewrite" && types.includes("RequestRedirect")) {
      result = { refused: "IncompatibleFilters", message: "URLRewrite and RequestRedirect exclude each other" };
    }
    if (!isRefused(result)) return [result];
    refuse(`[${i}]`, result);
    return [];
  });
}

/** What a match asks of headers, or what is wrong. Of entries with one name the first counts. */
export function toHeaders(headers: readonly HeaderMatch[]): Pick<Match, "headers" | "conditions"> | Unsupported {
  const exact: { name: string; exact: string }[] = [];
  const conditions: ConditionInit[] = [];
  for (const { name, value, type } of firstOfEach(headers)) {
    if (type === "Exact") {
      exact.push({ name, exact: value });
      continue;
    }
    const wrong = wrongRegex([value]);
    if (wrong !== undefined) return { field: "headers", reason: wrong };
    conditions.push(onHeader(name, value));
  }
  return { headers: exact, conditions };
}

interface RefPlace {
  readonly context: Context;
  readonly route: RouteObject;
  readonly place: FilterPlace;
  readonly hint: OriginHint;
  readonly say: Say;
  readonly unresolved: Unresolved[];
  readonly field: string;
}

/** A mirror that cannot be reached gets no calls, and the others go on. */
function toMirror(at: RefPlace, { backendRef, percent, fraction }: NonNullable<Filter["requestMirror"]>): FilterInit {
  const share = fraction === undefined ? (percent ?? 100) / 100 : fraction.numerator / fraction.denominator;
  const resolved = resolve(at, backendRef);
  const value = { millionths: Math.round(share * 1_000_000) };
  if ("target" in resolved) return { filter: { case: "mirror", value: { ...value, target: resolved.target } } };
  const { field, reason, message } = resolved;
  at.unresolved.push({ reason, message });
  at.say("error", `${at.field}.requestMirror.backendRef${field}`, message);
  return { filter: { case: "mirror", value: { ...value, target: invalidTarget(message) } } };
}

/** What a reference points at. An invalid one keeps its weight, and that share of the calls gets an error. */
function toBackendRef(at: RefPlace, ref: BackendRef): BackendRefInit {
  const { weight } = ref;
  const fail = (field: string, message: string): BackendRefInit => {
    at.say("error", `${at.field}${field}`, message);
    return { target: invalidTarget(message), weight };
  };
  const filters: FilterInit[] = [];
  for (const [i, filter] of ref.filters.entries()) {
    const result = toFilter(filter, { ...at.place, ofBackend: true });
    if (isRefused(result)) return fail(`.filters[${i}]`, result.message);
    filters.push(result);
  }
  const resolved = resolve(at, ref);
  if ("target" in resolved) return { target: resolved.target, weight, filters };
  const { field, reason, message } = resolved;
  at.unresolved.push({ reason, message });
  return fail(field, message);
}

function resolve(
  { context, route, hint }: RefPlace,
  ref: BackendObjectRef,
): { readonly target: BackendTarget } | (Unresolved & { field: string }) {
  const { objects } = context;
  if (ref.group !== "" || ref.kind !== "Service") {
    return { field: ".kind", reason: "InvalidKind", message: `${ref.kind} is not supported, only Service` };
  }
  const namespace = ref.namespace ?? route.metadata.namespace;
  const from = { kind: route.kind, namespace: route.metadata.namespace };
  if (!isGranted(objects, { from, to: { kind: "Service", namespace, name: ref.name } })) {
    const message = `no ReferenceGrant in ${namespace} lets ${route.kind}s of ${from.namespace} use Service ${ref.name}`;
    return { field: ".namespace", reason: "RefNotPermitted", message };
  }
  const service = objects.get("Service", namespace, ref.name);
  if (service === undefined) {
    return { field: ".name", reason: "BackendNotFound", message: `there is no Service ${namespace}/${ref.name}` };
  }
  if (ref.port === undefined) {
    return { field: ".port", reason: "BackendNotFound", message: "is missing: a Service needs one" };
  }
  const port = findPort(service, ref.port);
  if (port === undefined) {
    return { field: ".port", reason: "BackendNotFound", message: noSuchPort(service, ref.port) };
  }
  if (isUnsupportedProtocol(port)) {
    const message = `Service ${namespace}/${ref.name} port ${port.port}: appProtocol ${port.appProtocol} is not supported`;
    return { field: "", reason: "UnsupportedProtocol", message };
  }
  const guard = guardOfBackend(context, service);
  return { target: guard === undefined ? useBackend(context, service, port, hint) : invalidTarget(guard) };
}
