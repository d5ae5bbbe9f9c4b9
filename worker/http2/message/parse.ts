/** Field blocks to request heads, response heads and trailers, checked as RFC 9113 section 8 asks of an intermediary. */
import { Fields } from "../../call/fields.ts";
import { knownStatus, type RequestHead, type ResponseHead } from "../../call/http.ts";
import type { FieldBlock } from "../hpack/decoder.ts";
import { isConnectionSpecific } from "./syntax.ts";

/** A message is malformed (section 8.1.1): a stream error. */
export interface Malformed {
  readonly kind: "malformed";
  readonly why: string;
}

/** The list is over the limits. */
export interface Oversize {
  readonly kind: "oversize";
  /** A request's content type, if it came before the limit was reached. */
  readonly contentType?: string | undefined;
}

export interface ParsedRequest {
  readonly kind: "request";
  readonly head: RequestHead;
  /** content-length; -1 if there is none. */
  readonly contentLength: number;
}

export interface ParsedResponse {
  readonly kind: "response";
  readonly head: ResponseHead;
  /** The same; -1 as well where the status says that there is no body. */
  readonly contentLength: number;
}

export interface ParsedTrailers {
  readonly kind: "trailers";
  readonly fields: Fields;
}

const oversize: Oversize = { kind: "oversize" };

function malformed(why: string): Malformed {
  return { kind: "malformed", why };
}

/** What regular fields say to the transport. */
interface Regular {
  readonly fields: Fields;
  readonly contentLength: number;
  readonly host: string | undefined;
}

/** Checks the regular fields from `rest` on. `host` is taken out, and cookie crumbs are put together (section 8.2.3). */
function regular(block: FieldBlock, rest: number, isRequest: boolean): Regular | Malformed {
  const { flat } = block;
  let contentLength = -1;
  let host: string | undefined;
  let cookies = 0;
  for (let i = rest; i < flat.length; i += 2) {
    const name = flat[i]!;
    const value = flat[i + 1]!;
    if (name.charCodeAt(0) === 0x3a) return malformed(`${name}, where only regular fields may be`);
    if (isConnectionSpecific(name)) return malformed(`the connection-specific field ${name}`);
    if (name === "te" && isRequest && value !== "trailers") return malformed("te other than trailers");
    if (name === "content-length") {
      const length = parseLength(value);
      if (length < 0 || (contentLength >= 0 && contentLength !== length)) return malformed("content-length");
      contentLength = length;
    } else if (isRequest && name === "host") {
      if (host !== undefined) return malformed("host twice");
      host = value;
    } else if (isRequest && name === "cookie") {
      cookies++;
    }
  }
  const plain = host === undefined && cookies < 2;
  const kept = plain ? flat.slice(rest) : withoutHost(flat, rest);
  const fields = kept.length === 0 ? Fields.empty : new Fields(kept, block.neverIndexed);
  return { fields, contentLength, host };
}

function withoutHost(flat: readonly string[], rest: number): string[] {
  const kept: string[] = [];
  const crumbs: string[] = [];
  for (let i = rest; i < flat.length; i += 2) {
    if (flat[i] === "cookie") crumbs.push(flat[i + 1]!);
    else if (flat[i] !== "host") kept.push(flat[i]!, flat[i + 1]!);
  }
  if (crumbs.length > 0) kept.push("cookie", crumbs.join("; "));
  return kept;
}

/** content-length (RFC 9110 section 8.6); -1 if it is no number we can count to. */
function parseLength(value: string): number {
  return /^\d{1,15}$/.test(value) ? Number(value) : -1;
}

/** What may stand in a method: a token (RFC 9110 section 5.6.2). */
const token = /^[\w!#$%&'*+.^`|~-]+$/;
/** What must not stand in an authority: user information (section 8.3.1), or what would end it. */
const notAuthority = /[@/?#\s]/;
/** One that was looked at: it is likely to be the next one, too. */
let soundAuthority = "";

/** Section 8.3.1. `scheme`, which the listener knows, stands in the head whatever the peer gave. */
export function parseRequest(block: FieldBlock, scheme: RequestHead["scheme"]): ParsedRequest | Malformed | Oversize {
  const { flat, flaw } = block;
  if (flaw !== undefined) return malformed(flaw);
  if (block.oversize) return { kind: "oversize", contentType: new Fields(flat).get("content-type") };
  let method: string | undefined;
  let given: string | undefined;
  let path: string | undefined;
  let named: string | undefined;
  let rest = 0;
  for (; rest < flat.length && flat[rest]!.charCodeAt(0) === 0x3a; rest += 2) {
    const name = flat[rest]!;
    const value = flat[rest + 1]!;
    if (name === ":method" && method === undefined) method = value;
    else if (name === ":scheme" && given === undefined) given = value;
    else if (name === ":path" && path === undefined) path = value;
    else if (name === ":authority" && named === undefined) named = value;
    else return malformed(`${name}, unknown or for a second time`);
  }
  const rested = regular(block, rest, true);
  if ("kind" in rested) return rested;
  const why = requestFlaw(method, given, path, named, rested.host);
  if (why !== undefined) return malformed(why);
  const head = { method: method!, scheme, authority: named ?? rested.host ?? "", path: path!, fields: rested.fields };
  return { kind: "request", head, contentLength: rested.contentLength };
}

/** What is wrong with a request's control data, if anything. */
function requestFlaw(
  method: string | undefined,
  scheme: string | undefined,
  path: string | undefined,
  authority: string | undefined,
  host: string | undefined,
): string | undefined {
  if (method === undefined || (method !== "POST" && !token.test(method))) return "no :method, or no method";
  // A tunnel (section 8.5) is nothing a gateway for calls offers; extended CONNECT was not announced.
  if (method === "CONNECT") return "CONNECT";
  if (scheme !== "http" && scheme !== "https") return "no :scheme, or neither http nor https";
  if (path === undefined || (path.charCodeAt(0) !== 0x2f && !(path === "*" && method === "OPTIONS"))) {
    return "no :path, or not a path";
  }
  if (path.includes(" ") || path.includes("\t")) return "white space in :path";
  const name = authority ?? host;
  if (name !== undefined && name !== soundAuthority) {
    if (notAuthority.test(name)) return "an authority that is more than host and port";
    soundAuthority = name;
  }
  if (authority !== undefined && host !== undefined && authority.toLowerCase() !== host.toLowerCase()) {
    return "host other than :authority";
  }
  return undefined;
}

/** Section 8.3.2. Interim answers included: their status is below 200. */
export function parseResponse(block: FieldBlock): ParsedResponse | Malformed | Oversize {
  const { flat, flaw } = block;
  if (flaw !== undefined) return malformed(flaw);
  if (block.oversize) return oversize;
  if (flat[0] !== ":status") return malformed("no :status at the beginning");
  const text = flat[1]!;
  // 101 has no meaning in HTTP/2 (section 8.6).
  if (!/^[1-9]\d\d$/.test(text) || text === "101") return malformed(`:status ${text}`);
  const rested = regular(block, 2, false);
  if ("kind" in rested) return rested;
  const status = knownStatus(Number(text));
  return {
    kind: "response",
    head: { status, fields: rested.fields },
    contentLength: status === 204 || status === 304 ? -1 : rested.contentLength,
  };
}

/** Section 8.1: no pseudo-header fields. */
export function parseTrailers(block: FieldBlock): ParsedTrailers | Malformed | Oversize {
  if (block.flaw !== undefined) return malformed(block.flaw);
  if (block.oversize) return oversize;
  for (let i = 0; i < block.flat.length; i += 2) {
    const name = block.flat[i]!;
    if (name.charCodeAt(0) === 0x3a) return malformed("a pseudo-header field in trailers");
    if (isConnectionSpecific(name)) return malformed(`the connection-specific field ${name}`);
  }
  const fields = block.flat.length === 0 ? Fields.empty : new Fields(block.flat, block.neverIndexed);
  return { kind: "trailers", fields };
}
