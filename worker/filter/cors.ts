/** CORS (fetch.spec.whatwg.org section 3.3) as gRPC-Web, Connect and plain HTTP need it. */
import type { Cors, Filter } from "../../routes/model.ts";
import { CallError } from "../call/error.ts";
import { isFieldName } from "../call/field-syntax.ts";
import { Fields } from "../call/fields.ts";
import { type Answer, type HttpResponse, noBody, type RequestHead } from "../call/http.ts";
import { Code } from "../call/status.ts";

/** What a browser asks before a request that a form could not have made. */
export interface Preflight {
  readonly origin: string;
  /** Of the request to come. */
  readonly method: string;
  /** The names of its header fields, lower case, but for those that need no leave. */
  readonly headers: readonly string[];
}

/** What CORS makes of the answer to one request. Plain data: it is part of the plan. */
export interface CorsAnswer {
  /** Undefined: who asks is not allowed to, or nobody said who asks. */
  readonly allowOrigin: string | undefined;
  readonly credentials: boolean;
  /** Besides those of the protocols. Empty: all that the answer has. */
  readonly exposeHeaders: readonly string[];
}

/** What clients of gRPC-Web and Connect send. */
const requestHeaders = [
  "content-type",
  "x-grpc-web",
  "x-user-agent",
  "grpc-timeout",
  "connect-protocol-version",
  "connect-timeout-ms",
  "connect-accept-encoding",
  "connect-content-encoding",
];

/** What they read, besides metadata. */
const responseHeaders = [
  "grpc-status",
  "grpc-message",
  "grpc-status-details-bin",
  "connect-content-encoding",
  "content-encoding",
];

/** What pages can read in any case, and what they never can. */
const notExposed: ReadonlySet<string> = new Set([
  "cache-control",
  "content-language",
  "content-length",
  "content-type",
  "expires",
  "last-modified",
  "pragma",
  "set-cookie",
  "vary",
]);

const methodForm = /^[-!#$%&'*+.^_`|~0-9A-Za-z]{1,32}$/;

export function preflightOf({ method, fields }: RequestHead): Preflight | undefined {
  if (method !== "OPTIONS") return undefined;
  const origin = fields.get("origin");
  const requested = fields.get("access-control-request-method");
  if (origin === undefined || requested === undefined || !methodForm.test(requested)) return undefined;
  const listed = fields.joined("access-control-request-headers") ?? "";
  const names = listed.split(",").map((name) => name.trim().toLowerCase());
  return { origin, method: requested, headers: names.every(isToken) ? names : [] };
}

/** What answers a preflight whose rule has no CORS, and whose backend takes nothing but calls. */
export function preflightRefused(): CallError {
  const message =
    "the rule of this preflight has no CORS: to let pages call, annotate its Ingress or route with edgeway.dev/cors-origins";
  return new CallError(Code.UNIMPLEMENTED, message, { side: "caller", httpStatus: 404 });
}

/** Pseudo-header fields cannot be asked for. */
function isToken(name: string): boolean {
  return !name.startsWith(":") && isFieldName(name);
}

/** Whether the request to come may be a call: as far as its content type goes, any that needs a preflight may. */
export function mayBeRpc({ headers }: Preflight): boolean {
  return headers.some((name) => requestHeaders.includes(name));
}

export function corsFilter(filters: readonly Filter[]): Cors | undefined {
  return filters.find((filter) => filter.kind === "cors");
}

/** Allows what `cors` allows. To an origin that it does not know it says nothing, and the browser refuses. */
export function answerPreflight(cors: Cors, { origin, method, headers }: Preflight): HttpResponse {
  const flat = ["vary", "origin, access-control-request-method, access-control-request-headers"];
  const allowOrigin = allowed(cors, origin);
  if (allowOrigin !== undefined) {
    pushAllowed(flat, allowOrigin, cors.credentials);
    flat.push("access-control-allow-methods", listOr(cors.allowMethods, [method]));
    const known = cors.allowHeaders ?? [...new Set([...requestHeaders, ...headers])];
    const allowHeaders = listOr(known, headers);
    if (allowHeaders !== "") flat.push("access-control-allow-headers", allowHeaders);
    if (cors.exposeHeaders.length > 0) flat.push("access-control-expose-headers", cors.exposeHeaders.join(", "));
    if (cors.maxAgeSeconds !== undefined) flat.push("access-control-max-age", String(cors.maxAgeSeconds));
  }
  return { head: { status: 204, fields: new Fields(flat) }, body: noBody };
}

function listOr(list: readonly string[], otherwise: readonly string[]): string {
  return (list.length === 0 ? otherwise : list).join(", ");
}

/** What is done to the answer to `head`. Undefined: nothing, as no browser asks and no cache keeps it for one. */
export function corsOf(filters: readonly Filter[], { method, fields }: RequestHead): CorsAnswer | undefined {
  const cors = corsFilter(filters);
  if (cors === undefined) return undefined;
  const origin = fields.get("origin");
  if (origin === undefined && method !== "GET" && method !== "HEAD") return undefined;
  return {
    allowOrigin: allowed(cors, origin),
    credentials: cors.credentials,
    exposeHeaders: cors.exposeHeaders,
  };
}

/**
 * The value of access-control-allow-origin. Never "*" where credentials are allowed, as browsers then take it for a
 * name; nor are they for the origin "null", which any page can have.
 */
function allowed(cors: Cors, origin: string | undefined): string | undefined {
  if (cors.anyOrigin && !cors.credentials) return "*";
  if (origin === undefined || origin === "null") return undefined;
  return cors.anyOrigin || cors.origins.includes(origin) || cors.wildcards.some(between(origin)) ? origin : undefined;
}

const hostPart = /^[a-z0-9._-]+$/;

function between(origin: string): (wildcard: Cors["wildcards"][number]) => boolean {
  return ({ prefix, suffix }) =>
    origin.startsWith(prefix) &&
    origin.endsWith(suffix) &&
    hostPart.test(origin.slice(prefix.length, origin.length - suffix.length));
}

function pushAllowed(flat: string[], allowOrigin: string, credentials: boolean): void {
  flat.push("access-control-allow-origin", allowOrigin);
  if (credentials) flat.push("access-control-allow-credentials", "true");
}

/** `response` with what `cors` says, and without what the origin server said about CORS. */
export function withCors(response: HttpResponse, cors: CorsAnswer | undefined): HttpResponse {
  if (cors === undefined) return response;
  const { head, body } = response;
  const { allowOrigin, credentials, exposeHeaders } = cors;
  const flat: string[] = [];
  const exposed = new Set([...responseHeaders, ...exposeHeaders]);
  let saysVary = allowOrigin === "*";
  for (const [name, value] of head.fields) {
    if (name.startsWith("access-control-")) continue;
    flat.push(name, value);
    saysVary ||= name === "vary" && /(?:^|[\s,])(?:origin|\*)(?:$|[\s,])/i.test(value);
    if (exposeHeaders.length === 0 && !notExposed.has(name)) exposed.add(name);
  }
  if (!saysVary) flat.push("vary", "origin");
  if (allowOrigin !== undefined) {
    pushAllowed(flat, allowOrigin, credentials);
    flat.push("access-control-expose-headers", [...exposed].join(", "));
  }
  return { head: { status: head.status, fields: new Fields(flat, head.fields.neverIndexed) }, body };
}

/** Hands answers on to `answer` as {@link withCors} makes them. */
export function answerWithCors(answer: Answer, cors: CorsAnswer | undefined): Answer {
  if (cors === undefined) return answer;
  return {
    respond: (response) => answer.respond(withCors(response, cors)),
    fail: (error) => answer.fail(error),
  };
}
