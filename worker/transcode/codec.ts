/** One message from JSON to protobuf and back (protobuf.dev/programming-guides/json), by its descriptor. */
import {
  type DescMessage,
  fromBinary,
  fromJson,
  type JsonValue,
  type Message,
  type Registry,
  toBinary,
  toJson,
} from "@bufbuild/protobuf";
import { CallError, type Side } from "../call/error.ts";
import { Code } from "../call/status.ts";
import { faultIn } from "./fault.ts";

const utf8 = new TextEncoder();
const text = new TextDecoder("utf-8", { fatal: true });

/** Longer reasons say no more; they may quote a key of the message. */
const maxReason = 500;

/**
 * Fields that the descriptor does not know are left out, as Connect's own servers do it: the caller may have a newer
 * schema. Messages within messages may be 100 deep, which is the library's limit in either direction.
 *
 * @throws CallError INVALID_ARGUMENT, with the field where one is to blame
 */
export function binaryFromJson(desc: DescMessage, bytes: Uint8Array, registry: Registry): Uint8Array {
  const json = parseJson(bytes);
  return attempt("caller", () => toBinary(desc, messageFromJson(desc, json, bytes.length, registry)));
}

/** Bytes of JSON in which the place of a mistake is looked for: its parts are read again. */
const maxSearched = 64 * 1024;

/**
 * @param size of the JSON in bytes
 * @throws Error that names the field where one is to blame
 */
export function messageFromJson(desc: DescMessage, json: JsonValue, size: number, registry: Registry): Message {
  try {
    return fromJson(desc, json, { registry, ignoreUnknownFields: true });
  } catch (cause) {
    const fault = size > maxSearched ? "" : faultIn(desc, json, registry);
    throw fault === "" ? cause : new Error(`${fault}: ${reasonOf(cause)}`, { cause });
  }
}

/** @throws CallError INTERNAL if `bytes` are no such message, or one with an Any of a type that is not known */
export function jsonFromBinary(desc: DescMessage, bytes: Uint8Array, registry: Registry): JsonValue {
  return attempt("origin", () => toJson(desc, fromBinary(desc, bytes), { registry }));
}

/** @throws CallError INVALID_ARGUMENT if it is no JSON in UTF-8 */
export function parseJson(bytes: Uint8Array): JsonValue {
  return attempt("caller", () => {
    try {
      return JSON.parse(text.decode(bytes)) as JsonValue;
    } catch (cause) {
      throw new Error(`no JSON: ${reasonOf(cause)}`, { cause });
    }
  });
}

export function jsonBytes(json: JsonValue): Uint8Array {
  return utf8.encode(JSON.stringify(json));
}

/** What `convert` gives, or a CallError that blames the message of `side`. */
export function attempt<T>(side: Side, convert: () => T): T {
  try {
    return convert();
  } catch (cause) {
    if (cause instanceof CallError) throw cause;
    const reason = reasonOf(cause).slice(0, maxReason);
    if (side === "caller") throw new CallError(Code.INVALID_ARGUMENT, `the message: ${reason}`, { side, cause });
    throw new CallError(Code.INTERNAL, `the answer cannot be translated to JSON: ${reason}`, { side, cause });
  }
}

function reasonOf(cause: unknown): string {
  // V8's words.
  if (cause instanceof RangeError && cause.message.includes("call stack")) return "it is nested too deeply";
  return cause instanceof Error ? cause.message : String(cause);
}
