import type { MessageInitShape } from "@bufbuild/protobuf";
import type { BackendRefSchema, FilterSchema, MatchSchema } from "../../../proto/gen/edgeway/v1/table_pb.js";
import { framingHeaders } from "../../../routes/syntax.ts";
import type { BackendRef, Filter, HeaderMatch } from "../../objects/route-parts.ts";
import { findPort, noSuchPort } from "../backends.ts";
import type { Context, RuleInit, Say } from "../context.ts";
import { invalidTarget } from "../context.ts";
import type { OriginHint } from "../origin.ts";
import type { RouteObject } from "./attach.ts";
import { isGranted } from "./grants.ts";

export type MatchInit = MessageInitShape<typeof MatchSchema>;
type BackendRefInit = MessageInitShape<typeof BackendRefSchema>;
type FilterInit = MessageInitShape<typeof FilterSchema>;

/** Why a match cannot be had. */
export interface Unsupported {
  /** Below the match, such as "path.type". */
  readonly field: string;
  readonly reason: string;
}

/** What is specific to HTTPRoute or GRPCRoute. */
export interface RuleParts<M> {
  /** Their matches; an empty list takes every request. */
  readonly matches: readonly M[];
  readonly filters: readonly Filter[];
  readonly backendRefs: readonly BackendRef[];
  toMatch(match: M): MatchInit | Unsupported;
  readonly hint: OriginHint;
}

/**
 * One rule. When something in it is not supported yet, the whole rule fails closed: what it takes is answered with an
 * error that says why. A match that cannot be had is left out of it rather than widened, as a wider one would take
 * other rules' calls. Returns undefined when no match is left.
 */
export function translateRule<M>(
  context: Context,
  route: RouteObject,
  index: number,
  parts: RuleParts<M>,
  say: Say,
): RuleInit | undefined {
  const field = `spec.rules[${index}]`;
  const refusals: string[] = [];
  const refuse = (at: string, reason: string) => {
    refusals.push(reason);
    say("error", `${field}.${at}`, reason);
  };
  const matches = parts.matches.flatMap((match, i) => {
    const result = parts.toMatch(match);
    if (!isUnsupported(result)) return [result];
    refuse(`matches[${i}].${result.field}`, result.reason);
    return [];
  });
  const filters = parts.filters.flatMap((filter, i) => {
    const result = toFilter(filter);
    if (typeof result !== "string") return [result];
    refuse(`filters[${i}]`, result);
    return [];
  });
  if (parts.matches.length > 0 && matches.length === 0) {
    say("error", field, "is left out, as none of its matches is supported");
    return undefined;
  }
  const [refusal] = refusals;
  if (refusal !== undefined) {
    say("error", field, "answers with an error, as not all of it is supported");
    return { index, matches, backends: [{ target: invalidTarget(refusal), weight: 1 }] };
  }
  if (parts.backendRefs.length === 0) say("warning", field, "has no backendRefs: it answers with an error");
  const backends = parts.backendRefs.map((ref, i) =>
    toBackendRef(context, route, ref, parts.hint, (at, reason) =>
      say("error", `${field}.backendRefs[${i}]${at}`, reason),
    ),
  );
  return { index, matches, filters, backends };
}

function isUnsupported(result: MatchInit | Unsupported): result is Unsupported {
  return "reason" in result;
}

/** The table's filter, or why it cannot be had. */
function toFilter({ type, requestHeaderModifier, responseHeaderModifier }: Filter): FilterInit | string {
  const isRequest = type === "RequestHeaderModifier";
  const modifier = isRequest ? requestHeaderModifier : responseHeaderModifier;
  if (modifier === undefined || !(isRequest || type === "ResponseHeaderModifier"))
    return `the filter ${type} is not supported yet`;
  const set = firstOfEach(modifier.set);
  const add = firstOfEach(modifier.add);
  const remove = modifier.remove.map((name) => name.toLowerCase());
  const framing = [...set, ...add].find(({ name }) => framingHeaders.has(name));
  if (framing !== undefined) return `the header ${framing.name} belongs to the connection and cannot be set`;
  return { filter: { case: isRequest ? "requestHeaders" : "responseHeaders", value: { set, add, remove } } };
}

/** Gateway API: of entries with one name, in whichever case, the first counts. */
function firstOfEach(headers: readonly { name: string; value: string }[]): { name: string; value: string }[] {
  const seen = new Map<string, { name: string; value: string }>();
  for (const { name, value } of headers) {
    const lower = name.toLowerCase();
    if (!seen.has(lower)) seen.set(lower, { name: lower, value });
  }
  return [...seen.values()];
}

/** The header conditions of a match, or the first that cannot be had. */
export function toHeaders(headers: readonly HeaderMatch[]): { name: string; exact: string }[] | Unsupported {
  const i = headers.findIndex(({ type }) => type !== "Exact");
  if (i >= 0) return unsupportedType(`headers[${i}].type`, "a header");
  return firstOfEach(headers).map(({ name, value }) => ({ name, exact: value }));
}

export function unsupportedType(field: string, what: string): Unsupported {
  return { field, reason: `RegularExpression for ${what} is not supported yet` };
}

/** What a reference points at. An invalid one keeps its weight, and that share of the calls gets an error. */
function toBackendRef(
  { objects, backends }: Context,
  route: RouteObject,
  ref: BackendRef,
  hint: OriginHint,
  report: (field: string, reason: string) => void,
): BackendRefInit {
  const { weight } = ref;
  const invalid = (field: string, reason: string): BackendRefInit => {
    report(field, reason);
    return { target: invalidTarget(reason), weight };
  };
  if (ref.group !== "" || ref.kind !== "Service") return invalid(".kind", `${ref.kind} is not supported, only Service`);
  const [filter] = ref.filters;
  if (filter !== undefined) {
    return invalid(".filters[0]", `the filter ${filter.type} of one backend is not supported yet`);
  }
  const namespace = ref.namespace ?? route.metadata.namespace;
  const from = { kind: route.kind, namespace: route.metadata.namespace };
  if (!isGranted(objects, { from, to: { kind: "Service", namespace, name: ref.name } })) {
    return invalid(
      ".namespace",
      `no ReferenceGrant in ${namespace} lets ${route.kind}s of ${from.namespace} use Service ${ref.name}`,
    );
  }
  const service = objects.get("Service", namespace, ref.name);
  if (service === undefined) return invalid(".name", `there is no Service ${namespace}/${ref.name}`);
  if (ref.port === undefined) return invalid(".port", "is missing: a Service needs one");
  const port = findPort(service, ref.port);
  if (port === undefined) return invalid(".port", noSuchPort(service, ref.port));
  return { target: backends.use(service, port, hint), weight };
}
