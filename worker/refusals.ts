/** Why the edge sends a request nowhere. */
import type { Backend } from "../routes/model.ts";
import { CallError } from "./call/error.ts";
import type { RequestHead } from "./call/http.ts";
import { Code } from "./call/status.ts";

/** HTTP/2 origins close the connection that all calls share for a longer header list: nghttp2, so Node and nginx. */
const maxHeaderListBytes = 65_536;

/** Whether the header list, counted as RFC 9113 section 6.5.2 does, is longer than origins take. */
export function isTooLarge(head: RequestHead): boolean {
  return headerListBytes(head) > maxHeaderListBytes;
}

function headerListBytes({ method, scheme, authority, path, fields: { flat } }: RequestHead): number {
  const pseudo =
    ":method:scheme:authority:path".length + method.length + scheme.length + authority.length + path.length;
  let bytes = pseudo + 32 * (4 + flat.length / 2);
  for (const text of flat) bytes += text.length;
  return bytes;
}

export function headersTooLarge(): CallError {
  const message = `the request's header fields are larger than ${maxHeaderListBytes} bytes`;
  return new CallError(Code.RESOURCE_EXHAUSTED, message, { side: "caller", httpStatus: 431 });
}

/** A message travels in a trailer field, whose room is not the caller's to fill. */
const maxShownUrl = 500;

export function noRoute({ scheme, authority, path }: RequestHead): CallError {
  const url = `${scheme}://${authority}${path}`;
  const message = `no route for ${url.length > maxShownUrl ? `${url.slice(0, maxShownUrl)}…` : url}`;
  return new CallError(Code.UNIMPLEMENTED, message, { side: "edge", httpStatus: 404 });
}

/** Gateway API: the share of a backend that is not valid is answered with 500, as is a rule without any. */
export function noBackend(invalid: string | undefined): CallError {
  return unavailable(invalid ?? "the rule has no backend", 500);
}

/** Gateway API: a backend that is valid and has no endpoint is answered with 503. */
export function noEndpoint({ name }: Backend): CallError {
  return unavailable(`backend ${name} has no endpoint`, 503);
}

export function cannotTakeGrpc({ name }: Backend): CallError {
  return unavailable(
    `backend ${name} speaks HTTP/1.1: it cannot take gRPC; if its server does, set appProtocol: grpc at its Service's port`,
  );
}

/** A Worker's sockets trust public issuers alone, for the very host, and show no certificate of their own. */
export function needsOwnTls({ name, originTls }: Backend): CallError | undefined {
  if (originTls === undefined) return undefined;
  const message = `backend ${name} has a CA, a server name or a certificate for TLS of its own, which Cloudflare Workers cannot go by: Edgeway on Node can`;
  return unavailable(message);
}

export function cannotTakeWebSocket({ name }: Backend): CallError {
  const message = `backend ${name} is reached over HTTP/2: for WebSockets its port needs the appProtocol kubernetes.io/ws`;
  return new CallError(Code.UNIMPLEMENTED, message, { side: "edge" });
}

function unavailable(message: string, httpStatus?: number): CallError {
  return new CallError(
    Code.UNAVAILABLE,
    message,
    httpStatus === undefined ? { side: "edge" } : { side: "edge", httpStatus },
  );
}
