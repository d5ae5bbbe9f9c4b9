/** What Connect says in JSON: errors and the end of a stream (Connect protocol, Error and EndStreamResponse). */
import { Fields } from "../call/fields.ts";
import { octets } from "../call/octets.ts";
import type { RpcEnd } from "../call/rpc.ts";
import { Code, codeName } from "../call/status.ts";
import { decodeBase64, encodeBase64 } from "./base64.ts";
import { decodeStatus, encodeStatus, type StatusDetail } from "./rpc-status.ts";

const utf8 = new TextEncoder();
const text = new TextDecoder("utf-8", { fatal: true });

interface ErrorJson {
  code: string;
  message?: string;
  details?: { type: string; value: string }[];
}

interface EndStreamJson {
  error?: ErrorJson;
  metadata?: Record<string, string[]>;
}

/** Connect's name of `code`: "not_found". It spells "canceled" its own way. */
export function connectCode(code: Code): string {
  return code === Code.CANCELLED ? "canceled" : codeName(code).toLowerCase();
}

/** The body of a unary call's error answer. */
export function encodeConnectError(end: RpcEnd): Uint8Array {
  return utf8.encode(JSON.stringify(errorJson(end)));
}

/** The content of the message that ends a stream. */
export function encodeEndStream(end: RpcEnd): Uint8Array {
  const json: EndStreamJson = {};
  if (end.code !== Code.OK) json.error = errorJson(end);
  if (end.metadata.size > 0) json.metadata = valuesByName(end.metadata);
  return utf8.encode(JSON.stringify(json));
}

function errorJson({ code, message, details }: RpcEnd): ErrorJson {
  const json: ErrorJson = { code: connectCode(code) };
  if (message !== "") json.message = message;
  const decoded = details === undefined ? [] : (decodeStatus(details)?.details ?? []);
  if (decoded.length > 0) json.details = decoded.map(({ type, value }) => ({ type, value: encodeBase64(value) }));
  return json;
}

function valuesByName(fields: Fields): Record<string, string[]> {
  const values: Record<string, string[]> = Object.create(null);
  for (const [name, value] of fields) (values[name] ??= []).push(value);
  return values;
}

/** An error as Connect tells it. */
export interface ConnectError {
  /** Undefined if it is missing, or no code of Connect's. */
  readonly code: Code | undefined;
  readonly message: string;
  /** google.rpc.Status in binary. Undefined if there are none. */
  readonly details: Uint8Array | undefined;
}

/** The content of the message that ends a stream, in which one without an error ended well. */
export interface EndStream {
  readonly error: ConnectError | undefined;
  readonly metadata: Fields;
}

const codes: ReadonlyMap<string, Code> = new Map(Object.values(Code).map((code) => [connectCode(code), code]));

/** The error that the body of a unary call's answer tells of. Undefined if it is none. */
export function decodeConnectError(bytes: Uint8Array): ConnectError | undefined {
  const json = parseObject(bytes);
  return json && errorOf(json);
}

/** Undefined if `bytes` end no stream. */
export function decodeEndStream(bytes: Uint8Array): EndStream | undefined {
  const json = parseObject(bytes);
  if (json === undefined) return undefined;
  const { error, metadata } = json;
  const decoded = isObject(error) ? errorOf(error) : undefined;
  if (error !== undefined && error !== null && decoded === undefined) return undefined;
  return { error: decoded, metadata: isObject(metadata) ? fieldsOf(metadata) : Fields.empty };
}

type JsonObject = Readonly<Record<string, unknown>>;

function parseObject(bytes: Uint8Array): JsonObject | undefined {
  try {
    const json: unknown = JSON.parse(text.decode(bytes));
    return isObject(json) ? json : undefined;
  } catch {
    return undefined;
  }
}

function isObject(json: unknown): json is JsonObject {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}

/** An error that says OK is none that Connect knows: its code counts as missing. */
function errorOf({ code: name, message, details }: JsonObject): ConnectError {
  const code = (typeof name === "string" && codes.get(name)) || undefined;
  const said = typeof message === "string" ? message : "";
  const decoded = Array.isArray(details) ? details.flatMap(detailOf) : [];
  const status = { code: code ?? Code.UNKNOWN, message: said, details: decoded };
  return { code, message: said, details: decoded.length === 0 ? undefined : encodeStatus(status) };
}

function detailOf(detail: unknown): StatusDetail[] {
  if (!isObject(detail)) return [];
  const { type, value } = detail;
  const bytes = typeof value === "string" ? decodeBase64(value) : undefined;
  return typeof type === "string" && bytes !== undefined ? [{ type, value: bytes }] : [];
}

function fieldsOf(metadata: JsonObject): Fields {
  const flat: string[] = [];
  for (const [name, values] of Object.entries(metadata)) {
    if (!Array.isArray(values)) continue;
    for (const value of values) if (typeof value === "string") flat.push(name.toLowerCase(), octets(value));
  }
  return new Fields(flat);
}
