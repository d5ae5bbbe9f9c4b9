/** google.api.HttpBody: an HTTP body of any type, as it is (google/api/httpbody.proto). */
import { type DescField, type DescMessage, fromBinary, type JsonValue, type Message } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import { isFieldValue } from "../../call/field-syntax.ts";
import { encodeBase64 } from "../../wire/base64.ts";
import { attempt } from "../codec.ts";
import type { Binding } from "./templates.ts";

const unknownType = "application/octet-stream";

/** Whether the HTTP request's body is one. */
export function takesHttpBody({ body, method }: Binding): boolean {
  return body === "*" ? isHttpBody(method.input) : isHttpBody(messageOf(body));
}

/** Whether the HTTP answer's body is one. */
export function givesHttpBody({ method, responseBody }: Binding): boolean {
  return isHttpBody(responseBody === undefined ? method.output : messageOf(responseBody));
}

/** The type of a field that holds one message, not several. */
function messageOf(field: DescField | undefined): DescMessage | undefined {
  return field?.fieldKind === "message" ? field.message : undefined;
}

function isHttpBody(message: DescMessage | undefined): boolean {
  return message?.typeName === "google.api.HttpBody";
}

/** A request's body as the JSON of the message. */
export function jsonOfHttpBody(contentType: string | undefined, body: Uint8Array): JsonValue {
  return { contentType: contentType ?? unknownType, data: encodeBase64(body) };
}

export interface HttpBody {
  readonly contentType: string;
  readonly data: Uint8Array;
}

/** @throws CallError INTERNAL if `answer` is no such message */
export function httpBodyIn({ method, responseBody }: Binding, answer: Uint8Array): HttpBody {
  const message = attempt("origin", () => fromBinary(method.output, answer));
  const found = responseBody === undefined ? message : messageIn(method.output, message, responseBody);
  // The type is the cluster's to describe: its fields may be others.
  const { contentType, data } = found as Message & { readonly [name in keyof HttpBody]?: unknown };
  return {
    contentType: typeof contentType === "string" && isMediaType(contentType) ? contentType : unknownType,
    data: data instanceof Uint8Array ? data : new Uint8Array(0),
  };
}

/** Whether it can be a field's value: octets, of which other characters have none. */
function isMediaType(text: string): boolean {
  return text !== "" && isFieldValue(text) && !/[\u0100-\uffff]/.test(text);
}

/** The message that `field` holds; an empty one if it is not set. */
function messageIn(desc: DescMessage, message: Message, field: DescField): Message {
  const value: unknown = reflect(desc, message).get(field);
  return (value as { readonly message: Message }).message;
}
