/** The request message that an HTTP request stands for (google/api/http.proto, "Rules for HTTP mapping"). */
import {
  create,
  type DescField,
  type DescMessage,
  type JsonObject,
  type JsonValue,
  mergeFromJson,
  type Registry,
  ScalarType,
  toBinary,
} from "@bufbuild/protobuf";
import { CallError } from "../../call/error.ts";
import { Code } from "../../call/status.ts";
import { decodePercentText } from "../../wire/percent.ts";
import { attempt, messageFromJson, parseJson } from "../codec.ts";
import { isObject } from "../json-object.ts";
import { jsonOfHttpBody, takesHttpBody } from "./http-body.ts";
import { type Binding, type Found, resolve } from "./templates.ts";

/** Parameters of one query, and messages within messages that they may name. */
const maxParameters = 1000;
const maxDepth = 32;

/** The body of an HTTP request. */
export interface RequestBody {
  /** Empty for none. */
  readonly bytes: Uint8Array;
  readonly contentType: string | undefined;
}

/**
 * What the path and the query set is laid over what the body holds. A query parameter that is no field is refused, as
 * Google's own APIs do it: most often it is a misspelt one.
 *
 * @throws CallError INVALID_ARGUMENT, with the field or parameter that is wrong
 */
export function requestMessage(found: Found, body: RequestBody, registry: Registry): Uint8Array {
  return attempt("caller", () => {
    const { binding } = found;
    const { input } = binding.method;
    const parameters = parametersOf(found);
    const { bytes } = body;
    const json = bytes.length === 0 || binding.body === undefined ? undefined : jsonOfBody(binding, body);
    const message =
      json === undefined
        ? create(input)
        : messageFromJson(input, wrap(json, binding.body as DescField | "*"), bytes.length, registry);
    return toBinary(input, mergeFromJson(input, message, parameters, { registry }));
  });
}

/** What the path and the query set. */
function parametersOf({ binding, values, query }: Found): JsonObject {
  const { input } = binding.method;
  const parameters: JsonObject = Object.create(null);
  binding.variables.forEach((fields, i) => put(parameters, fields, values[i]!));
  for (const [name, text] of pairsOf(query)) {
    if (binding.body === "*") throw invalid(`query parameter "${name}": the body holds the whole request`);
    const names = name.split(".");
    const fields = names.length > maxDepth ? undefined : resolve(input, names);
    if (fields === undefined) throw invalid(`query parameter "${name}" is no field of ${input.typeName}`);
    put(parameters, fields, text);
  }
  return parameters;
}

function jsonOfBody(binding: Binding, { bytes, contentType }: RequestBody): JsonValue {
  return takesHttpBody(binding) ? jsonOfHttpBody(contentType, bytes) : parseJson(bytes);
}

function wrap(json: JsonValue, body: DescField | "*"): JsonValue {
  return body === "*" ? json : { [body.jsonName]: json };
}

function pairsOf(query: string): [name: string, text: string][] {
  const parts = query.split("&").filter((part) => part !== "");
  if (parts.length > maxParameters) throw invalid(`the query has more than ${maxParameters} parameters`);
  return parts.map((part) => {
    const equals = part.indexOf("=");
    const [name, text] = equals < 0 ? [part, ""] : [part.slice(0, equals), part.slice(equals + 1)];
    return [decodeQuery(name), decodeQuery(text)];
  });
}

function decodeQuery(text: string): string {
  return decodePercentText(text.replaceAll("+", " "));
}

/** Sets the last of `fields`, or adds to it if it is repeated. */
function put(parameters: JsonObject, fields: readonly DescField[], text: string): void {
  const name = nameOf(fields);
  let holder = parameters;
  fields.slice(0, -1).forEach(({ jsonName }, i) => {
    const held = (holder[jsonName] ??= Object.create(null) as JsonObject);
    // Google's own types have a text as well as fields.
    if (!isObject(held)) throw invalid(`"${name}": "${nameOf(fields.slice(0, i + 1))}" is given as a whole, too`);
    holder = held;
  });
  const field = fields.at(-1)!;
  const value = jsonOf(field, text);
  if (value === undefined) throw invalid(`"${name}" is a message: name one of its fields`);
  const before = holder[field.jsonName];
  const repeated = field.fieldKind === "list";
  if (before === undefined) holder[field.jsonName] = repeated ? [value] : value;
  else if (repeated && Array.isArray(before)) before.push(value);
  else throw invalid(`"${name}" is given more than once`);
}

function nameOf(fields: readonly DescField[]): string {
  return fields.map((field) => field.name).join(".");
}

/** `text` as the JSON of the field's type. Undefined for messages that no text stands for. */
function jsonOf(field: DescField, text: string): JsonValue | undefined {
  if (field.fieldKind === "map") return undefined;
  if (field.scalar !== undefined) return field.scalar === ScalarType.BOOL ? booleanOf(text) : text;
  if (field.enum !== undefined) return /^-?\d{1,10}$/.test(text) ? Number(text) : text;
  return field.message === undefined ? undefined : jsonOfMessage(field.message, text);
}

/** Those that are text in JSON too; JSON's numbers may be. */
const texts: ReadonlySet<string> = new Set(
  ["Timestamp", "Duration", "FieldMask", "Value"]
    .concat(["Double", "Float", "Int64", "UInt64", "Int32", "UInt32", "String", "Bytes"].map((type) => `${type}Value`))
    .map((name) => `google.protobuf.${name}`),
);

function jsonOfMessage({ typeName }: DescMessage, text: string): JsonValue | undefined {
  if (typeName === "google.protobuf.BoolValue") return booleanOf(text);
  return texts.has(typeName) ? text : undefined;
}

/** What is neither stays text, which is then refused with the name of its field. */
function booleanOf(text: string): JsonValue {
  if (text === "true") return true;
  return text === "false" ? false : text;
}

function invalid(message: string): CallError {
  return new CallError(Code.INVALID_ARGUMENT, message, { side: "caller" });
}
