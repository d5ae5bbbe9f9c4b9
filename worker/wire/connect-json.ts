/** What Connect says in JSON: errors and the end of a stream (Connect protocol, Error and EndStreamResponse). */
import type { Fields } from "../call/fields.ts";
import type { RpcEnd } from "../call/rpc.ts";
import { Code, codeName } from "../call/status.ts";
import { encodeBase64 } from "./base64.ts";
import { decodeStatus } from "./rpc-status.ts";

const utf8 = new TextEncoder();

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
