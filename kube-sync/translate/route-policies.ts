import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { JwtSchema, RateLimitSchema } from "../../proto/gen/edgeway/v1/policy_pb.js";
import { HedgingSchema, RetrySchema, TimeoutsSchema } from "../../proto/gen/edgeway/v1/policy_pb.js";
import type { Route, Rule } from "../../proto/gen/edgeway/v1/table_pb.js";
import { BackendRefSchema, CallProtocol, FilterSchema, MatchSchema } from "../../proto/gen/edgeway/v1/table_pb.js";
import { forms } from "../../routes/syntax.ts";
import type { KubeObject } from "../objects/object.ts";
import type { Form } from "./annotations.ts";
import {
  Annotations,
  ANNOTATION_PREFIX,
  duration,
  integer,
  listOf,
  oneOf,
  reportUnknown,
  textOf,
  VITAL_OF_ROUTES,
} from "./annotations.ts";
import type { Context, FilterInit, SourceName } from "./context.ts";
import { invalidTarget, sayAbout } from "./context.ts";
import { annotatedCors } from "./cors.ts";
import { grpcCode } from "./grpc-codes.ts";

/** What an object asks for by annotation, of all its rules. What a rule says itself holds instead. */
interface RoutePolicies {
  readonly filters: readonly FilterInit[];
  readonly timeouts: MessageInitShape<typeof TimeoutsSchema> | undefined;
  readonly retry: MessageInitShape<typeof RetrySchema> | undefined;
  readonly hedging: MessageInitShape<typeof HedgingSchema> | undefined;
  readonly protocols: readonly CallProtocol[];
  /** Why calls must not be served: an annotation that says whose they may be, which, or how many, cannot be gone by. */
  readonly refused: string | undefined;
}

const MAX_ATTEMPTS = 10;
const MAX_WEIGHT = 1_000_000;
const MAX_FAILOVER = 1000;
const HEDGE_DELAY_MS = 100;

/**
 * Adds to a route what its object asks for by annotation, and what else the Ingress that leads to it does. Its
 * cluster's share may be its namespace's to say.
 */
export function addPolicies(context: Context, route: Route, via: SourceName | undefined): void {
  const find = (source: SourceName | undefined) =>
    source && context.objects.find(source.kind, source.namespace, source.name);
  const object = find(route.source);
  if (object === undefined || object.kind === "Gateway" || object.kind === "IstioGateway") return;
  const objects = [object, find(via)].filter((each) => each !== undefined);
  const namespace = context.objects.get("Namespace", "", object.metadata.namespace);
  for (const from of [namespace, ...objects.toReversed()])
    if (from !== undefined) addClusterShare(context, route, from);
  for (const each of objects) {
    if (!Object.keys(each.metadata.annotations).some((name) => name.startsWith(ANNOTATION_PREFIX))) continue;
    const policies = policiesOf(context, each);
    for (const rule of route.rules) addToRule(rule, policies);
  }
}

function addClusterShare(context: Context, route: Route, from: KubeObject): void {
  const annotations = new Annotations(from, sayAbout(context, from));
  route.clusterWeight = annotations.get("cluster-weight", integer(0, MAX_WEIGHT)) ?? route.clusterWeight;
  route.failover = annotations.get("failover", integer(0, MAX_FAILOVER)) ?? route.failover;
}

function addToRule(rule: Rule, { filters, timeouts, retry, hedging, protocols, refused }: RoutePolicies): void {
  if (protocols.length > 0) {
    if (rule.matches.length === 0) rule.matches.push(create(MatchSchema));
    for (const match of rule.matches) if (match.protocols.length === 0) match.protocols = [...protocols];
  }
  if (refused !== undefined) {
    rule.filters = [];
    rule.backends = [create(BackendRefSchema, { target: invalidTarget(refused), weight: 1 })];
    return;
  }
  const own = new Set(rule.filters.map(({ filter }) => filter.case));
  const added = filters.filter(({ filter }) => !own.has(filter?.case));
  rule.filters.unshift(...added.map((filter) => create(FilterSchema, filter)));
  // A rule that answers by itself makes no calls.
  if (rule.backends.length === 0) return;
  rule.timeouts ??= timeouts && create(TimeoutsSchema, timeouts);
  rule.retry ??= retry && create(RetrySchema, retry);
  rule.hedging ??= hedging && create(HedgingSchema, hedging);
}

function policiesOf(context: Context, object: KubeObject): RoutePolicies {
  const say = sayAbout(context, object);
  const unknown = reportUnknown(object, say);
  const annotations = new Annotations(object, say, VITAL_OF_ROUTES);
  const cors = annotatedCors(annotations, say);
  const jwt = jwtOf(annotations);
  const limit = annotations.get("rate-limit", rateLimit);
  const protocols = annotations.get("match-protocol", listOf(oneOf(PROTOCOLS))) ?? [];
  return {
    // A preflight has no token, and counts as no call.
    filters: [
      ...(cors === undefined ? [] : [{ filter: { case: "cors" as const, value: cors } }]),
      ...(jwt === undefined ? [] : [{ filter: { case: "jwt" as const, value: jwt } }]),
      ...(limit === undefined ? [] : [{ filter: { case: "rateLimit" as const, value: limit } }]),
    ],
    timeouts: timeoutsOf(annotations),
    retry: retryOf(annotations),
    hedging: hedgingOf(annotations),
    protocols,
    refused: unknown ?? annotations.fault(VITAL_OF_ROUTES),
  };
}

const PROTOCOLS: ReadonlyMap<string, CallProtocol> = new Map([
  ["grpc", CallProtocol.GRPC],
  ["grpc-web", CallProtocol.GRPC_WEB],
  ["connect", CallProtocol.CONNECT],
  ["http", CallProtocol.HTTP],
]);

function timeoutsOf(annotations: Annotations): RoutePolicies["timeouts"] {
  const requestMs = annotations.get("timeout", duration) ?? 0;
  let backendRequestMs = annotations.get("backend-timeout", duration) ?? 0;
  const idleMs = annotations.get("idle-timeout", duration) ?? 0;
  if (requestMs > 0 && backendRequestMs > requestMs) {
    annotations.wrong("backend-timeout", "is longer than edgeway.dev/timeout, which holds");
    backendRequestMs = requestMs;
  }
  return requestMs + backendRequestMs + idleMs === 0 ? undefined : { requestMs, backendRequestMs, idleMs };
}

/** What to send a call again after. */
interface RetryOn {
  readonly grpcCodes: number[];
  readonly httpStatuses: number[];
  readonly onReset: boolean;
}

/** Without retry-on: what says that the call was not processed, or may be sent again. */
const RETRY_ON: RetryOn = { grpcCodes: [grpcCode("unavailable")!], httpStatuses: [503], onReset: false };

const retryOn: Form<RetryOn> = {
  says: 'a list of gRPC status names, HTTP statuses, "5xx" and "reset"',
  read: (value) => {
    const read = listOf<Partial<RetryOn>>({ says: "", read: retryCondition }).read(value);
    return (
      read && {
        grpcCodes: read.flatMap(({ grpcCodes = [] }) => grpcCodes),
        httpStatuses: read.flatMap(({ httpStatuses = [] }) => httpStatuses),
        onReset: read.some(({ onReset }) => onReset),
      }
    );
  },
};

function retryCondition(word: string): Partial<RetryOn> | undefined {
  if (word === "reset") return { onReset: true };
  if (word === "5xx") return { httpStatuses: SERVER_ERRORS };
  if (/^[45]\d\d$/.test(word)) return { httpStatuses: [Number(word)] };
  const code = grpcCode(word);
  return code === undefined || code === 0 ? undefined : { grpcCodes: [code] };
}

/** Those that are registered. */
export const SERVER_ERRORS = Array.from({ length: 12 }, (_, i) => 500 + i);

function retryOf(annotations: Annotations): RoutePolicies["retry"] {
  const attempts = annotations.get("retry-attempts", integer(0, MAX_ATTEMPTS));
  const on = annotations.get("retry-on", retryOn);
  if (attempts === undefined) {
    if (on !== undefined) annotations.wrong("retry-on", "means nothing without edgeway.dev/retry-attempts");
    return undefined;
  }
  return { attempts, ...(on ?? RETRY_ON) };
}

function hedgingOf(annotations: Annotations): RoutePolicies["hedging"] {
  const attempts = annotations.get("hedge-attempts", integer(0, MAX_ATTEMPTS));
  const delayMs = annotations.get("hedge-delay", duration);
  if (attempts !== undefined) return { attempts, delayMs: delayMs ?? HEDGE_DELAY_MS };
  if (delayMs !== undefined) annotations.wrong("hedge-delay", "means nothing without edgeway.dev/hedge-attempts");
  return undefined;
}

const PERIODS: ReadonlyMap<string, number> = new Map([
  ["s", 1000],
  ["m", 60_000],
  ["h", 3_600_000],
]);

/** "100/s", and then "burst=200" and "by=source" or "by=header:NAME". */
const rateLimit: Form<MessageInitShape<typeof RateLimitSchema>> = {
  says: '"100/s", "/m" or "/h", with or without " burst=200", and " by=source" or " by=header:x-user"',
  read: (value) => {
    const [, calls, unit, rest = ""] = /^(\d{1,9})\/([smh])((?:\s.*)?)$/.exec(value) ?? [];
    if (calls === undefined || Number(calls) === 0) return undefined;
    const limit = { calls: Number(calls), periodMs: PERIODS.get(unit ?? "")! };
    return withLimitOptions(
      limit,
      rest.split(/\s+/).filter((option) => option !== ""),
    );
  },
};

function withLimitOptions(
  limit: MessageInitShape<typeof RateLimitSchema>,
  options: readonly string[],
): MessageInitShape<typeof RateLimitSchema> | undefined {
  let result = limit;
  for (const option of options) {
    const [name, value = ""] = option.split("=");
    const [by, header = ""] = value.split(":");
    if (name === "burst" && /^[1-9]\d{0,8}$/.test(value)) result = { ...result, burst: Number(value) };
    else if (option === "by=source") result = { ...result, key: { case: "source", value: true } };
    else if (name === "by" && by === "header" && forms.headerName.holds(header.toLowerCase()))
      result = { ...result, key: { case: "header", value: header.toLowerCase() } };
    else return undefined;
  }
  return result;
}

const claim = textOf("1 to 1024 visible characters", (value) => /^[!-~]{1,1024}$/.test(value));

function jwtOf(annotations: Annotations): MessageInitShape<typeof JwtSchema> | undefined {
  const uri = annotations.get(
    "jwt-jwks-uri",
    textOf("an https:// URL", (value) => forms.httpsUrl.holds(value)),
  );
  const issuer = annotations.get("jwt-issuer", claim);
  const audiences = annotations.get("jwt-audiences", listOf(claim));
  if (uri !== undefined) {
    return { keys: { case: "jwksUri", value: uri }, issuer: issuer ?? "", audiences: [...(audiences ?? [])] };
  }
  if (!annotations.has("jwt-jwks-uri") && (issuer !== undefined || audiences !== undefined)) {
    annotations.missing("jwt-jwks-uri", "tokens cannot be checked without it, and calls are answered with an error");
  }
  return undefined;
}
