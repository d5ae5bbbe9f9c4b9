/** Heads of HTTP/1.1 messages (RFC 9112 sections 2 to 6). */
import { CallError } from "../call/error.ts";
import { Fields } from "../call/fields.ts";
import { isFieldName, isFieldValue, trimField } from "../call/field-syntax.ts";
import { knownStatus, type RequestHead } from "../call/http.ts";
import { latin1, octets, writeLatin1 } from "../call/octets.ts";
import { Code } from "../call/status.ts";
import { maxFields } from "./limits.ts";

/** How a request's body is framed; "raw" is none of its own: bytes that follow an upgrade. */
export type Framing = "none" | "chunked" | "raw" | { readonly length: number };

/** Methods whose requests say so when they have no body (RFC 9110 section 8.6). */
const bodyMethods: ReadonlySet<string> = new Set(["POST", "PUT", "PATCH"]);

/**
 * The bytes of a request's head.
 *
 * @throws CallError INVALID_ARGUMENT for a target that would end the request line
 */
export function encodeHead({ method, authority, path, fields, upgrade }: RequestHead, framing: Framing): Uint8Array {
  if (/[^\x21-\x7e\x80-\uffff]/.test(path)) {
    throw new CallError(Code.INVALID_ARGUMENT, "the path has a space or a control character", { side: "caller" });
  }
  let text = `${method} ${path} HTTP/1.1\r\nhost: ${authority}\r\n`;
  for (const [name, value] of fields) if (name !== "content-length" && name !== "host") text += `${name}: ${value}\r\n`;
  if (upgrade !== undefined) text += `connection: upgrade\r\nupgrade: ${upgrade}\r\n`;
  if (framing === "chunked") text += "transfer-encoding: chunked\r\n";
  else if (typeof framing === "object") text += `content-length: ${framing.length}\r\n`;
  else if (bodyMethods.has(method)) text += "content-length: 0\r\n";
  const line = octets(`${text}\r\n`);
  const bytes = new Uint8Array(line.length);
  writeLatin1(line, bytes, 0);
  return bytes;
}

/** An answer's head. */
export interface StatusHead {
  readonly status: number;
  readonly fields: Fields;
  /** Whether the connection may carry another exchange, as far as the head says. */
  readonly keepAlive: boolean;
}

/** @returns undefined if `bytes`, which end with an empty line, are no head */
export function parseHead(bytes: Uint8Array): StatusHead | undefined {
  const text = latin1(bytes, 0, bytes.length);
  const end = text.indexOf("\n");
  const status = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: .*)?\r?$/.exec(text.slice(0, end));
  const fields = parseFields(text.slice(end + 1));
  if (status === null || fields === undefined) return undefined;
  const options = (fields.joined("connection") ?? "").toLowerCase();
  return {
    status: knownStatus(Number(status[2])),
    fields,
    keepAlive: status[1] === "1" ? !options.includes("close") : options.includes("keep-alive"),
  };
}

/**
 * The one length that content-length gives, which may be there twice or as a list (RFC 9112 section 6.3). Undefined if it
 * is not there; NaN if it is none that a body could have, or if there is more than one.
 */
export function lengthOf(fields: Fields): number | undefined {
  const given = fields.joined("content-length");
  if (given === undefined) return undefined;
  const lengths = new Set(given.split(",").map(trimField));
  const [only = ""] = lengths;
  return lengths.size === 1 && /^\d{1,15}$/.test(only) ? Number(only) : NaN;
}

/** `fields` with this content-length, and no other. */
export function withLength(fields: Fields, length: number | undefined): Fields {
  const value = length === undefined ? undefined : String(length);
  if (fields.joined("content-length") === value) return fields;
  const others = Array.from(fields).filter(([name]) => name !== "content-length");
  return Fields.from(value === undefined ? others : [...others, ["content-length", value]]);
}

/** Field lines up to an empty one. A line that goes on in the next, as it once could, is refused. */
export function parseFields(text: string): Fields | undefined {
  const flat: string[] = [];
  for (const line of text.split("\n")) {
    const field = line.endsWith("\r") ? line.slice(0, -1) : line;
    if (field === "") continue;
    const colon = field.indexOf(":");
    const name = field.slice(0, Math.max(0, colon)).toLowerCase();
    const value = trimField(field.slice(colon + 1));
    if (!isFieldName(name) || !isFieldValue(value) || flat.length >= 2 * maxFields) return undefined;
    flat.push(name, value);
  }
  return new Fields(flat);
}
