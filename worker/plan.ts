/** Decides what becomes of a call: which rule, which backend, which address, and the request that goes there. */
import { type Facts, match } from "../routes/match.ts";
import type { Backend, Candidate, Filter, PathMatch, RouteTable } from "../routes/model.ts";
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
import { rewrite } from "./filter/rewrite.ts";
import { pickWeighted } from "./pick/weighted.ts";
import {
  type Accepted,
  type AcceptedHttp,
  type AcceptedRpc,
  type Caller,
  detect,
  encodeAnswer,
  encodeFailure,
  encodeRequest,
  passRequest,
  unsupportedMediaType,
} from "./protocol/index.ts";
import { cannotTakeGrpc, headersTooLarge, isTooLarge, noBackend, noEndpoint, noRoute } from "./refusals.ts";
import { noDescriptors, type Translation } from "./transcode/index.ts";
import type { Endpoint } from "./transport/pool.ts";

/** All that is needed to carry out a call. Plain data: it may cross to another isolate, see plan-json.ts. */
export interface Plan {
  /** How the caller speaks, and is answered. */
  readonly caller: Caller;
  /** The backend's name, for messages: "cluster/namespace/name:port". */
  readonly backend: string;
  readonly endpoint: Endpoint;
  /** The request as the origin gets it. */
  readonly head: RequestHead;
  /** Milliseconds until the caller's deadline. Undefined if it set none. */
  readonly timeoutMs: number | undefined;
  /** What is done to the answer's header fields, in this order. */
  readonly responseHeaders: readonly HeaderModifier[];
  /** What is done to the caller's answer for browsers, an error included. Undefined: nothing. */
  readonly cors: CorsAnswer | undefined;
  /** By what the call may have to be translated. Undefined: it goes as it is. */
  readonly translation: Translation | undefined;
}

/** A plan, or the answer to a call that goes nowhere. */
export type Planned = { readonly plan: Plan } | { readonly plan: undefined; readonly answer: HttpResponse };

/**
 * Plans the call of `head`. `random` gives numbers in [0, 1), uniformly. `trailers`: whether the host's answers can have
 * them; where they cannot, native gRPC is answered in gRPC-Web's framing.
 */
export function plan(head: RequestHead, table: RouteTable, random: () => number, trailers = true): Planned {
  const preflighted = preflight(head, table);
  if (preflighted !== undefined) return preflighted;
  const accepted = detect(head, trailers);
  const found = find(head, table, head.method, accepted.kind !== "http" || accepted.orRpc !== undefined);
  const planned = planFor(found, accepted, head, table, random);
  if (planned.plan !== undefined || found === undefined) return planned;
  return { plan: undefined, answer: withCors(planned.answer, corsOf(found.rule.filters, head)) };
}

/**
 * Answers a browser that asks whether it may make a request, if the rule for that request has CORS. Rules that have
 * conditions on the request's own header fields are passed over: a preflight tells only their names.
 */
function preflight(head: RequestHead, table: RouteTable): Planned | undefined {
  const asked = preflightOf(head);
  if (asked === undefined) return undefined;
  const cors = corsFilter(find(head, table, asked.method, mayBeRpc(asked))?.rule.filters ?? []);
  return cors && { plan: undefined, answer: answerPreflight(cors, asked) };
}

function planFor(
  found: Candidate | undefined,
  accepted: Accepted,
  head: RequestHead,
  table: RouteTable,
  random: () => number,
): Planned {
  if (accepted.kind === "refused") return refuse(accepted.caller, accepted.error);
  if (isTooLarge(head)) return refuse(accepted.caller, headersTooLarge());
  if (found === undefined) return refuse(accepted.caller, unmatched(head, table));
  try {
    return follow(found, accepted, head, random);
  } catch (error) {
    if (error instanceof CallError) return refuse(accepted.caller, error);
    throw error;
  }
}

/** @throws CallError if a filter makes something of the request that cannot be sent. */
function follow(
  { rule, match: asked }: Candidate,
  accepted: AcceptedHttp | AcceptedRpc,
  head: RequestHead,
  random: () => number,
): Planned {
  const answer = answerOf(rule.filters, head, asked.path);
  if (answer !== undefined)
    return { plan: undefined, answer: modifyAnswer(encodeAnswer(accepted.caller, answer), rule.filters) };
  const choice = pickWeighted(rule.backends, random());
  if (choice?.backend === undefined) return refuse(accepted.caller, noBackend(choice?.invalid));
  const { backend } = choice;
  const address = backend.endpoints[Math.floor(random() * backend.endpoints.length)];
  if (address === undefined) return refuse(accepted.caller, noEndpoint(backend));
  const spoken = speak(accepted, head, backend);
  if (spoken.kind === "refused") return refuse(spoken.caller, spoken.error);
  const filters = choice.filters.length === 0 ? rule.filters : [...rule.filters, ...choice.filters];
  return {
    plan: {
      caller: spoken.caller,
      backend: backend.name,
      endpoint: {
        host: address.host,
        port: address.port,
        tls: backend.tls,
        protocol: backend.protocol === "http1" ? "http1" : "http2",
      },
      head: originHead(spoken, head, backend, filters, asked.path),
      timeoutMs: spoken.kind === "rpc" ? spoken.head.timeoutMs : undefined,
      responseHeaders: modifiersOf("responseHeaders", filters),
      cors: corsOf(rule.filters, head),
      translation: translationOf(spoken, backend),
    },
  };
}

function find(head: RequestHead, table: RouteTable, method: string, rpc: boolean): Candidate | undefined {
  return match(table, factsOf(head, method, rpc));
}

/** What rules are found by for `head`, or for one like it of another method. `rpc`: whether it may be a call. */
export function factsOf(head: RequestHead, method: string, rpc: boolean): Facts {
  const mark = head.path.indexOf("?");
  return {
    scheme: head.scheme,
    host: head.authority,
    path: mark < 0 ? head.path : head.path.slice(0, mark),
    query: mark < 0 ? "" : head.path.slice(mark + 1),
    method,
    rpc,
    header: (name) => head.fields.joined(name),
  };
}

/** The request as `backend` can take it, if it can. */
function speak(accepted: AcceptedHttp | AcceptedRpc, head: RequestHead, backend: Backend): Accepted {
  switch (backend.protocol) {
    case "http1":
      return asHttp(accepted, backend);
    case "http2":
      return accepted;
    case "grpc":
      // With descriptors plain HTTP may be a call by REST: whoever has them sees.
      if (accepted.kind === "rpc" || backend.descriptors !== undefined) return accepted;
      return accepted.orRpc ?? { kind: "refused", caller: accepted.caller, error: noCall(head, backend) };
  }
}

/** A POST of another type may be a call gone wrong; anything else is meant for REST. */
function noCall(head: RequestHead, { name }: Backend): CallError {
  return head.method === "POST" ? unsupportedMediaType(head) : noDescriptors(name);
}

/** Only JSON and plain HTTP are ever translated, and only for origins that speak gRPC. */
function translationOf(
  accepted: AcceptedHttp | AcceptedRpc,
  { protocol, descriptors }: Backend,
): Translation | undefined {
  if (descriptors === undefined || protocol === "http1") return undefined;
  if (accepted.kind === "rpc" && accepted.caller.codec !== "json") return undefined;
  return { descriptors, orHttp: protocol === "http2" };
}

/** Over HTTP/1.1 every request goes as it is, calls of gRPC-Web and Connect among them. */
function asHttp(accepted: AcceptedHttp | AcceptedRpc, backend: Backend): Accepted {
  if (accepted.kind === "http") return accepted;
  const { caller } = accepted;
  if (caller.protocol !== "grpc")
    return { kind: "http", caller: { protocol: "http", bodiless: false }, orRpc: undefined };
  return {
    kind: "refused",
    caller,
    error: cannotTakeGrpc(backend),
  };
}

/** The request as the origin gets it. */
function originHead(
  accepted: AcceptedHttp | AcceptedRpc,
  head: RequestHead,
  { tls }: Backend,
  filters: readonly Filter[],
  matched: PathMatch,
): RequestHead {
  const scheme = tls ? "https" : "http";
  const modifiers = modifiersOf("requestHeaders", filters);
  if (accepted.kind === "http") {
    const passed = passRequest(head, scheme);
    return { ...passed, ...rewrite(head, filters, matched), fields: modifyAll(passed.fields, modifiers) };
  }
  const { authority } = head;
  const target = rewrite({ authority, path: accepted.head.path }, filters, matched);
  const metadata = modifyAll(accepted.head.metadata, modifiers);
  return encodeRequest({ ...accepted.head, path: target.path, metadata }, { scheme, authority: target.authority });
}

function modifyAnswer({ head, body }: HttpResponse, filters: readonly Filter[]): HttpResponse {
  const fields = modifyAll(head.fields, modifiersOf("responseHeaders", filters));
  return { head: { status: head.status, fields }, body };
}

function refuse(caller: Caller, error: CallError): Planned {
  return { plan: undefined, answer: encodeFailure(caller, error) };
}

/** A POST that a route for calls would take, were it one, has the wrong content type. */
function unmatched(head: RequestHead, table: RouteTable): CallError {
  const wrongType = head.method === "POST" && find(head, table, head.method, true) !== undefined;
  return wrongType ? unsupportedMediaType(head) : noRoute(head);
}
