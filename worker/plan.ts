/** Decides what becomes of a call: which rule takes it, and which backend; or the answer, if it goes nowhere. */
import { everyProtocol, type Facts, match } from "../routes/match.ts";
import type { Backend, CallProtocol, Candidate, Filter, RouteTable, Rule, RuleSource } from "../routes/model.ts";
import { normalPath } from "../routes/normal-path.ts";
import { CallError } from "./call/error.ts";
import type { HttpResponse, RequestHead } from "./call/http.ts";
import {
  answerPreflight,
  type CorsAnswer,
  corsFilter,
  corsOf,
  mayBeRpc,
  preflightOf,
  withCors,
} from "./filter/cors.ts";
import { type HeaderModifier, modifiersOf, modifyAll } from "./filter/headers.ts";
import { answerOf } from "./filter/respond.ts";
import { type Gate, gatesOf } from "./gates.ts";
import { originHead, originProtocolOf, speak, translationOf } from "./origin-request.ts";
import {
  type Accepted,
  type AcceptedHttp,
  type AcceptedRpc,
  type Caller,
  detect,
  encodeAnswer,
  encodeFailure,
  type OriginProtocol,
  unsupportedMediaType,
} from "./protocol/index.ts";
import { headersTooLarge, isTooLarge, noRoute } from "./refusals.ts";
import { type CannotReach, hashedOf, type Targets, targetsOf } from "./targets.ts";
import type { Translation } from "./transcode/index.ts";
import type { Routing } from "./transport/routing.ts";
import { sessionOf } from "./transport/session.ts";

/** All that is needed to carry out a call. Plain data: it may cross to another isolate, see plan-json.ts. */
export interface Plan extends Routing {
  /** How the caller speaks, and is answered. */
  readonly caller: Caller;
  /** The rule that took the call, and the revision of its table: for those who observe. */
  readonly rule: RuleSource;
  readonly revision: string;
  /** The name of the backend that was chosen, for messages: "cluster/namespace/name:port". */
  readonly backend: string;
  /** The request as the origin gets it. */
  readonly head: RequestHead;
  /** Milliseconds until the caller's deadline. Undefined if it set none. */
  readonly timeoutMs: number | undefined;
  /** What the origin's calls are spoken in. */
  readonly originProtocol: OriginProtocol;
  /** What is done to the answer's header fields, in this order. */
  readonly responseHeaders: readonly HeaderModifier[];
  /** The same to its trailers. */
  readonly responseTrailers: readonly HeaderModifier[];
  /** Those who get a copy of the call. */
  readonly mirrors: readonly Backend[];
  /** What is done to the caller's answer for browsers, an error included. Undefined: nothing. */
  readonly cors: CorsAnswer | undefined;
  /** By what the call may have to be translated. Undefined: it goes as it is. */
  readonly translation: Translation | undefined;
}

/** A plan, or the answer to a call that goes nowhere. */
export type Planned = ({ readonly plan: Plan } | Answered) & {
  /** What the call has to pass first. Undefined: nothing. */
  readonly gated?: Gated | undefined;
};

export interface Gated {
  readonly gates: readonly Gate[];
  /** The answer to a call that does not pass. */
  readonly refuse: (error: CallError) => Answered;
}

/** A call that goes nowhere. */
export interface Answered {
  readonly plan: undefined;
  readonly answer: HttpResponse;
  readonly caller: Caller;
  /** Undefined: none took the call. */
  readonly rule: RuleSource | undefined;
  /** Undefined: the answer is none of an error. */
  readonly error: CallError | undefined;
}

/** What a host says of itself to those who plan. */
export interface PlanOptions {
  /** In [0, 1), uniformly. */
  readonly random: () => number;
  /** Unix milliseconds. */
  readonly now: () => number;
  /**
   * Whether answers can have trailers; where they cannot, native gRPC is answered in gRPC-Web's framing. Undefined: they
   * can.
   */
  readonly trailers?: boolean;
  /** Undefined: every backend can be called. */
  readonly cannotReach?: CannotReach;
  /** Whether gRPC-Web becomes gRPC on the way to backends whose transport says so. Undefined: it does not. */
  readonly converts?: boolean;
}

/** Plans the call of `asked`, which comes from `address`; empty: nobody knows. */
export function plan(asked: RequestHead, table: RouteTable, options: PlanOptions, address = ""): Planned {
  const head = normalised(asked);
  const preflighted = preflight(head, table);
  if (preflighted !== undefined) return preflighted;
  const accepted = detect(head, options.trailers);
  const found = find(head, table, head.method, protocolsOf(accepted));
  const planned = planFor(found, accepted, { head, table, options, address });
  if (planned.plan !== undefined || found === undefined) return planned;
  const { rule } = found;
  return { ...planned, answer: withCors(planned.answer, corsOf(rule.filters, head)), rule: rule.source };
}

/** `head` for its path in the one spelling that is matched and sent. The same object if it has that. */
export function normalised(head: RequestHead): RequestHead {
  const path = normalPath(head.path);
  return path === head.path ? head : { ...head, path };
}

/** What a call of `rule` has to pass, and how it is answered if it does not. */
function gatedBy(rule: Rule, caller: Caller, head: RequestHead): Gated | undefined {
  const gates = gatesOf(rule.filters);
  if (gates === undefined) return undefined;
  const cors = corsOf(rule.filters, head);
  return {
    gates,
    refuse: (error) => answered(caller, withCors(encodeFailure(caller, error), cors), error, rule.source),
  };
}

/**
 * Answers a browser that asks whether it may make a request, if the rule for that request has CORS. Rules that have
 * conditions on the request's own header fields are passed over: a preflight tells only their names.
 */
function preflight(head: RequestHead, table: RouteTable): Planned | undefined {
  const asked = preflightOf(head);
  if (asked === undefined) return undefined;
  const rule = find(head, table, asked.method, mayBeRpc(asked) ? everyProtocol : onlyHttp)?.rule;
  const cors = corsFilter(rule?.filters ?? []);
  return cors && answered({ protocol: "http", bodiless: false }, answerPreflight(cors, asked), undefined, rule?.source);
}

/** All that a plan is made of. */
interface Asked {
  readonly head: RequestHead;
  readonly table: RouteTable;
  readonly options: PlanOptions;
  readonly address: string;
}

function planFor(found: Candidate | undefined, accepted: Accepted, asked: Asked): Planned {
  const { head, table } = asked;
  if (accepted.kind === "refused") return refuse(accepted.caller, accepted.error);
  if (isTooLarge(head)) return refuse(accepted.caller, headersTooLarge());
  if (found === undefined) return refuse(accepted.caller, unmatched(head, table));
  try {
    return follow(found, accepted, asked);
  } catch (error) {
    if (error instanceof CallError) return refuse(accepted.caller, error);
    throw error;
  }
}

/** @throws CallError if there is no backend, or a filter makes something of the request that cannot be sent. */
function follow(
  { rule, match: matched }: Candidate,
  accepted: AcceptedHttp | AcceptedRpc,
  { head, table, options, address }: Asked,
): Planned {
  const answer = answerOf(rule.filters, head, matched.path);
  if (answer !== undefined) {
    const { caller } = accepted;
    const own = answered(caller, modifyAnswer(encodeAnswer(caller, answer), rule.filters), undefined);
    return { ...own, gated: gatedBy(rule, caller, head) };
  }
  const { random, now, cannotReach, converts } = options;
  const session = rule.session && sessionOf(rule.session, head, now());
  const targets = targetsOf(rule, session, random, cannotReach);
  const { rule: own, choice } = targets[0];
  const { backend } = choice;
  const spoken = speak(accepted, head, backend);
  if (spoken.kind === "refused") return refuse(spoken.caller, spoken.error);
  const filters = choice.filters.length === 0 ? own.filters : [...own.filters, ...choice.filters];
  const translation = translationOf(spoken, backend);
  const hashed = hashedOf(backend.loadBalancing, head, address, random);
  const modifiers = modifiersOf("responseHeaders", filters);
  const originProtocol = originProtocolOf(backend, converts);
  return {
    gated: gatedBy(own, spoken.caller, head),
    plan: {
      caller: spoken.caller,
      rule: own.source,
      revision: String(table.revision),
      backend: backend.name,
      targets: backendsOf(targets, translation),
      timeouts: own.timeouts,
      retry: own.retry,
      hedging: own.hedging,
      session,
      hashKey: hashed.key,
      head: originHead(spoken, { head, address, backend, originProtocol, filters, matched: matched.path }),
      timeoutMs: spoken.kind === "rpc" ? spoken.head.timeoutMs : undefined,
      originProtocol,
      responseHeaders: hashed.cookie === undefined ? modifiers : [...modifiers, withCookie(hashed.cookie)],
      responseTrailers: modifiersOf("responseTrailers", filters),
      mirrors: mirrorsOf(own.filters, options),
      cors: corsOf(rule.filters, head),
      translation,
    },
  };
}

/** Where messages may be translated, what stands in must have the same of them. */
function backendsOf(targets: Targets, translation: Translation | undefined): readonly Backend[] {
  const backends = targets.map((target) => target.choice.backend);
  if (translation === undefined || backends.length === 1) return backends;
  return backends.filter(({ descriptors }) => descriptors === translation.descriptors);
}

const noBackends: readonly Backend[] = [];

/** Those that are to get a copy of this very call, of those that can be called. */
function mirrorsOf(filters: readonly Filter[], { random, cannotReach }: PlanOptions): readonly Backend[] {
  if (filters.length === 0) return noBackends;
  return filters.flatMap((filter) => {
    if (filter.kind !== "mirror" || filter.backend === undefined || random() >= filter.share) return [];
    return cannotReach?.(filter.backend) === undefined ? filter.backend : [];
  });
}

function withCookie(cookie: string): HeaderModifier {
  return { set: [], add: [["set-cookie", cookie]], remove: [] };
}

function find(
  head: RequestHead,
  table: RouteTable,
  method: string,
  protocols: readonly CallProtocol[],
): Candidate | undefined {
  return match(table, factsOf(head, method, protocols));
}

const onlyHttp: readonly CallProtocol[] = ["http"];
const onlyGrpc: readonly CallProtocol[] = ["grpc"];
const onlyGrpcWeb: readonly CallProtocol[] = ["grpc-web"];
const onlyConnect: readonly CallProtocol[] = ["connect"];
const connectOrHttp: readonly CallProtocol[] = ["connect", "http"];

/** What rules have to do with: what `accepted` speaks, or may. */
export function protocolsOf(accepted: Accepted): readonly CallProtocol[] {
  if (accepted.kind === "http") return accepted.orRpc === undefined ? onlyHttp : connectOrHttp;
  const { protocol } = accepted.caller;
  if (protocol === "http") return everyProtocol;
  return protocol === "grpc" ? onlyGrpc : protocol.startsWith("grpc-web") ? onlyGrpcWeb : onlyConnect;
}

/** What rules are found by for `head`, or for one like it of another method. `protocols`: see {@link protocolsOf}. */
export function factsOf(head: RequestHead, method: string, protocols: readonly CallProtocol[]): Facts {
  const mark = head.path.indexOf("?");
  return {
    scheme: head.scheme,
    host: head.authority,
    path: mark < 0 ? head.path : head.path.slice(0, mark),
    query: mark < 0 ? "" : head.path.slice(mark + 1),
    method,
    protocols,
    header: (name) => head.fields.joined(name),
  };
}

function modifyAnswer({ head, body }: HttpResponse, filters: readonly Filter[]): HttpResponse {
  const fields = modifyAll(head.fields, modifiersOf("responseHeaders", filters));
  return { head: { status: head.status, fields }, body };
}

function refuse(caller: Caller, error: CallError): Planned {
  return answered(caller, encodeFailure(caller, error), error);
}

function answered(caller: Caller, answer: HttpResponse, error: CallError | undefined, rule?: RuleSource): Answered {
  return { plan: undefined, answer, caller, rule, error };
}

/** A POST that a route for calls would take, were it one, has the wrong content type. */
function unmatched(head: RequestHead, table: RouteTable): CallError {
  const wrongType = head.method === "POST" && find(head, table, head.method, everyProtocol) !== undefined;
  return wrongType ? unsupportedMediaType(head) : noRoute(head);
}
