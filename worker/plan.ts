/** Decides what becomes of a call: which rule, which backend, which address, and the request that goes there. */
import { match } from "../routes/match.ts";
import type { Backend, Filter, RouteTable, Rule } from "../routes/model.ts";
import { CallError } from "./call/error.ts";
import type { Fields } from "./call/fields.ts";
import type { HttpResponse, RequestHead } from "./call/http.ts";
import { Code } from "./call/status.ts";
import { type HeaderModifier, modifyHeaders } from "./filter/headers.ts";
import { pickWeighted } from "./pick/weighted.ts";
import {
  type Accepted,
  type AcceptedHttp,
  type AcceptedRpc,
  type Caller,
  detect,
  encodeFailure,
  encodeRequest,
  passRequest,
  unsupportedMediaType,
} from "./protocol/index.ts";
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
  /** The hash of the descriptors by which the call may have to be translated. Undefined: it goes as it is. */
  readonly descriptors: string | undefined;
}

/** A plan, or the answer to a call that goes nowhere. */
export type Planned = { readonly plan: Plan } | { readonly plan: undefined; readonly answer: HttpResponse };

/** Plans the call of `head`. `random` gives numbers in [0, 1), uniformly. */
export function plan(head: RequestHead, table: RouteTable, random: () => number): Planned {
  const accepted = detect(head);
  if (accepted.kind === "refused") return refuse(accepted.caller, accepted.error);
  const rule = findRule(head, table);
  if (rule === undefined) return refuse(accepted.caller, noRoute(head));
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
      head: originHead(spoken, head, backend, filters),
      timeoutMs: spoken.kind === "rpc" ? spoken.head.timeoutMs : undefined,
      responseHeaders: filters.filter(({ kind }) => kind === "responseHeaders"),
      descriptors: descriptorsFor(spoken, backend),
    },
  };
}

function findRule(head: RequestHead, table: RouteTable): Rule | undefined {
  const mark = head.path.indexOf("?");
  return match(table, {
    scheme: head.scheme,
    host: head.authority,
    path: mark < 0 ? head.path : head.path.slice(0, mark),
    query: mark < 0 ? "" : head.path.slice(mark + 1),
    method: head.method,
    header: (name) => head.fields.joined(name),
  })?.rule;
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
      return accepted.orRpc ?? { kind: "refused", caller: accepted.caller, error: unsupportedMediaType(head) };
  }
}

/** Only JSON and plain HTTP are ever translated, and only for origins that speak gRPC. */
function descriptorsFor(accepted: AcceptedHttp | AcceptedRpc, { protocol, descriptors }: Backend): string | undefined {
  const translatable = accepted.kind === "http" || accepted.caller.codec === "json";
  return translatable && protocol !== "http1" ? descriptors : undefined;
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
    error: unavailable(`backend ${backend.name} speaks HTTP/1.1: it cannot take gRPC`),
  };
}

/** The request as the origin gets it. */
function originHead(
  accepted: AcceptedHttp | AcceptedRpc,
  head: RequestHead,
  { tls }: Backend,
  filters: readonly Filter[],
): RequestHead {
  const scheme = tls ? "https" : "http";
  if (accepted.kind === "http") {
    const passed = passRequest(head, scheme);
    return { ...passed, fields: modify(passed.fields, filters) };
  }
  const metadata = modify(accepted.head.metadata, filters);
  return encodeRequest({ ...accepted.head, metadata }, { scheme, authority: head.authority });
}

function modify(fields: Fields, filters: readonly Filter[]): Fields {
  let modified = fields;
  for (const filter of filters) if (filter.kind === "requestHeaders") modified = modifyHeaders(modified, filter);
  return modified;
}

function refuse(caller: Caller, error: CallError): Planned {
  return { plan: undefined, answer: encodeFailure(caller, error) };
}

function noRoute({ scheme, authority, path }: RequestHead): CallError {
  const message = `no route for ${scheme}://${authority}${path}`;
  return new CallError(Code.UNIMPLEMENTED, message, { side: "edge", httpStatus: 404 });
}

/** Gateway API: the share of a backend that is not valid is answered with 500, as is a rule without any. */
function noBackend(invalid: string | undefined): CallError {
  return unavailable(invalid ?? "the rule has no backend", 500);
}

/** Gateway API: a backend that is valid and has no endpoint is answered with 503. */
function noEndpoint({ name }: Backend): CallError {
  return unavailable(`backend ${name} has no endpoint`, 503);
}

function unavailable(message: string, httpStatus?: number): CallError {
  return new CallError(
    Code.UNAVAILABLE,
    message,
    httpStatus === undefined ? { side: "edge" } : { side: "edge", httpStatus },
  );
}
