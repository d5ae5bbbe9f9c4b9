/** Field blocks to request heads, response heads and trailers, checked as RFC 9113 section 8 asks of an intermediary. */
import { Fields } from "../../call/fields.ts";
import type { RequestHead, ResponseHead } from "../../call/http.ts";
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

/** The pseudo-header fields that lead `flat`, by name; a repeated or misplaced one is a flaw. */
interface Lead {
  readonly pseudo: Map<string, string>;
  /** Where the regular fields begin. */
  readonly rest: number;
}

function lead(flat: readonly string[]): Lead | Malformed {
  const pseudo = new Map<string, string>();
  let rest = 0;
  for (; rest < flat.length && flat[rest]!.charCodeAt(0) === 0x3a; rest += 2) {
    if (pseudo.has(flat[rest]!)) return malformed(`${flat[rest]!} twice`);
    pseudo.set(flat[rest]!, flat[rest + 1]!);
  }
  return { pseudo, rest };
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
    if (name.charCodeAt(0) === 0x3a) return malformed(`${name} behind a regular field`);
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

/** Section 8.3.1. `scheme`, which the listener knows, stands in the head whatever the peer gave. */
export function parseRequest(block: FieldBlock, scheme: RequestHead["scheme"]): ParsedRequest | Malformed | Oversize {
  if (block.flaw !== undefined) return malformed(block.flaw);
  if (block.oversize) return oversize;
  const leading = lead(block.flat);
  if ("kind" in leading) return leading;
  const { pseudo, rest } = leading;
  const rested = regular(block, rest, true);
  if ("kind" in rested) return rested;
  const method = pseudo.get(":method");
  const given = pseudo.get(":scheme");
  const path = pseudo.get(":path");
  const named = pseudo.get(":authority");
  const known = (method === undefined ? 0 : 1) + (given === undefined ? 0 : 1) + (path === undefined ? 0 : 1);
  if (known + (named === undefined ? 0 : 1) !== pseudo.size) return malformed("an unknown pseudo-header field");
  if (method === undefined || method === "") return malformed("no :method");
  // A tunnel (section 8.5) is nothing a gateway for calls offers; extended CONNECT was not announced.
  if (method === "CONNECT") return malformed("CONNECT");
  if (given !== "http" && given !== "https") return malformed("no :scheme, or neither http nor https");
  if (path === undefined || (path.charCodeAt(0) !== 0x2f && !(path === "*" && method === "OPTIONS"))) {
    return malformed("no :path, or not a path");
  }
  if (named !== undefined && rested.host !== undefined && named.toLowerCase() !== rested.host.toLowerCase()) {
    return malformed("host other than :authority");
  }
  const authority = named ?? rested.host ?? "";
  return {
    kind: "request",
    head: Object.freeze({ method, scheme, authority, path, fields: rested.fields }),
    contentLength: rested.contentLength,
  };
}

/** Section 8.3.2. Interim answers included: their status is below 200. */
export function parseResponse(block: FieldBlock): ParsedResponse | Malformed | Oversize {
  if (block.flaw !== undefined) return malformed(block.flaw);
  if (block.oversize) return oversize;
  const leading = lead(block.flat);
  if ("kind" in leading) return leading;
  const text = leading.pseudo.get(":status");
  if (text === undefined || leading.pseudo.size > 1) return malformed("no :status, or more than that");
  // 101 has no meaning in HTTP/2 (section 8.6).
  if (!/^[1-5]\d\d$/.test(text) || text === "101") return malformed(`:status ${text}`);
  const rested = regular(block, leading.rest, false);
  if ("kind" in rested) return rested;
  const status = Number(text);
  return {
    kind: "response",
    head: Object.freeze({ status, fields: rested.fields }),
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
