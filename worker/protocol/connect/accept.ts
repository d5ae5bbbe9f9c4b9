/** Connect's requests: unary by POST and by GET, and streams (connectrpc.com/docs/protocol). */
import { CallError } from "../../call/error.ts";
import type { Fields } from "../../call/fields.ts";
import type { RequestHead } from "../../call/http.ts";
import type { RpcRequestHead } from "../../call/rpc.ts";
import { Code } from "../../call/status.ts";
import { isBase64 } from "../../wire/base64.ts";
import { decodePercentText } from "../../wire/percent.ts";
import { parseConnectTimeout } from "../../wire/timeout.ts";
import type { ConnectGetCaller, ConnectUnaryCaller, FramedCaller, RpcCaller } from "../caller.ts";
import { codecOf } from "../content-type.ts";
import { requestMetadata } from "../fields.ts";
import { contentLengthOf } from "./decode.ts";

export function streamCaller(contentType: string, fields: Fields): FramedCaller | undefined {
  if (contentType === "application/connect") return undefined;
  const codec = codecOf(contentType, "application/connect");
  if (codec === undefined) return undefined;
  return { protocol: "connect-stream", contentType, codec, acceptEncoding: fields.joined("connect-accept-encoding") };
}

export function unaryCaller(contentType: string, fields: Fields): ConnectUnaryCaller | undefined {
  if (contentType !== "application/proto" && contentType !== "application/json") return undefined;
  return {
    protocol: "connect-unary",
    contentType,
    codec: contentType.slice("application/".length),
    acceptEncoding: acceptable(fields),
    compressed: isCompressed(fields.get("content-encoding")),
    contentLength: contentLengthOf(fields),
  };
}

/** The caller of a GET whose query has the parts of a call. Undefined if it has not. */
export function getCaller(query: GetQuery, fields: Fields): ConnectGetCaller | undefined {
  const { encoding, message } = query;
  if (message === undefined || (encoding !== "proto" && encoding !== "json")) return undefined;
  return {
    protocol: "connect-get",
    contentType: `application/${encoding}`,
    codec: encoding,
    acceptEncoding: acceptable(fields),
    compressed: isCompressed(query.compression),
    message,
    base64: query.base64 === "1",
  };
}

function isCompressed(encoding: string | undefined): boolean {
  return encoding !== undefined && encoding !== "identity";
}

/** The parameters of Connect's GET, by name; percent-decoding is still to be done. Undefined without a query. */
export type GetQuery = Readonly<Partial<Record<"base64" | "compression" | "connect" | "encoding" | "message", string>>>;

export function getQuery(path: string): GetQuery | undefined {
  const start = path.indexOf("?");
  if (start < 0) return undefined;
  const query: Record<string, string> = Object.create(null);
  for (const part of path.slice(start + 1).split("&")) {
    const equals = part.indexOf("=");
    if (equals > 0) query[part.slice(0, equals)] ??= part.slice(equals + 1);
  }
  return query;
}

/** @throws CallError INVALID_ARGUMENT for a version other than 1, a malformed deadline or metadata. */
export function acceptStream(head: RequestHead, caller: FramedCaller): RpcRequestHead {
  return acceptCommon(head, caller, head.fields.get("connect-content-encoding"));
}

/** @throws CallError INVALID_ARGUMENT like {@link acceptStream}. */
export function acceptUnary(head: RequestHead, caller: ConnectUnaryCaller): RpcRequestHead {
  return acceptCommon(head, caller, head.fields.get("content-encoding"));
}

/**
 * @throws CallError INVALID_ARGUMENT like {@link acceptStream}, and for a message that is no base64 though it says so;
 *   PERMISSION_DENIED where another site may have made the browser call.
 */
export function acceptGet(head: RequestHead, caller: ConnectGetCaller, query: GetQuery): RpcRequestHead {
  if (isForged(head.fields)) {
    throw new CallError(Code.PERMISSION_DENIED, "a GET from another site has cookies: use POST", { side: "caller" });
  }
  if (query.connect !== undefined && query.connect !== "v1") throw invalid(`connect=${query.connect} is not known`);
  if (caller.base64 && !isBase64(decodePercentText(caller.message))) throw invalid("the message is not base64");
  return acceptCommon(head, caller, query.compression);
}

/**
 * Whether a browser adds its user's cookies to a call that a page of another site makes. A link or an image is enough
 * for that; Connect's servers allow GET for methods without side effects only, but a gateway does not know which are.
 */
function isForged(fields: Fields): boolean {
  const site = fields.get("sec-fetch-site");
  return site !== undefined && site !== "same-origin" && site !== "none" && fields.has("cookie");
}

function acceptCommon(head: RequestHead, caller: RpcCaller, encoding = "identity"): RpcRequestHead {
  const { acceptEncoding, codec } = caller;
  const { fields, path } = head;
  const version = fields.get("connect-protocol-version");
  if (version !== undefined && version !== "1") throw invalid(`connect-protocol-version ${version} is not known`);
  const timeout = fields.get("connect-timeout-ms");
  const timeoutMs = timeout === undefined ? undefined : parseConnectTimeout(timeout);
  if (timeout !== undefined && timeoutMs === undefined) throw invalid(`connect-timeout-ms is malformed: ${timeout}`);
  const query = path.indexOf("?");
  return {
    path: query < 0 ? path : path.slice(0, query),
    codec,
    encoding,
    acceptEncoding,
    timeoutMs,
    metadata: requestMetadata(fields),
  };
}

/** HTTP's accept-encoding as a plain list: without weights, and without what is refused by weight 0. */
function acceptable(fields: Fields): string | undefined {
  const list = fields.joined("accept-encoding");
  if (list === undefined) return undefined;
  const names: string[] = [];
  for (const item of list.split(",")) {
    const [name, ...parameters] = item.split(";").map((part) => part.trim().toLowerCase());
    const refused = parameters.some((parameter) => /^q\s*=\s*0(\.0*)?$/.test(parameter));
    if (name !== undefined && name !== "" && name !== "*" && !refused) names.push(name);
  }
  return names.length === 0 ? undefined : names.join(",");
}

function invalid(message: string): CallError {
  return new CallError(Code.INVALID_ARGUMENT, message, { side: "caller" });
}
