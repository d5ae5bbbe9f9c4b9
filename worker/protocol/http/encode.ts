/** Plain HTTP to origins, and the answers that Edgeway makes itself. */
import type { CallError } from "../../call/error.ts";
import { Fields } from "../../call/fields.ts";
import { type HttpResponse, noBody, type RequestHead, type TextAnswer } from "../../call/http.ts";
import { httpStatusOf } from "../../wire/http-status.ts";
import type { HttpCaller } from "../caller.ts";
import { endToEnd } from "../fields.ts";
import { sourceOf } from "../step.ts";

const utf8 = new TextEncoder();

/** The request as an origin gets it: for the host the caller named, without what concerns the caller's connection. */
export function passRequest(head: RequestHead, scheme: "http" | "https"): RequestHead {
  const fields = endToEnd(head.fields);
  return { ...head, scheme, fields };
}

export function encodeFailure(caller: HttpCaller, error: CallError): HttpResponse {
  const status = error.httpStatus ?? httpStatusOf(error.code);
  const flat = ["content-type", "text/plain; charset=utf-8"];
  // The only method that Edgeway refuses others for is that of a call.
  if (status === 405) flat.push("allow", "POST");
  // RFC 9110 sections 15.5.2 and 10.2.3.
  if (status === 401) flat.push("www-authenticate", "Bearer");
  if (error.retryAfterMs !== undefined) flat.push("retry-after", String(Math.ceil(error.retryAfterMs / 1_000)));
  return encodeAnswer(caller, { status, fields: new Fields(flat), text: `${error.message}\n` });
}

export function encodeAnswer(caller: HttpCaller, { status, fields, text }: TextAnswer): HttpResponse {
  // RFC 9110 sections 8.6 and 15.4.5: neither status has content, nor says its length.
  if (status === 204 || status === 304) return { head: { status, fields }, body: noBody };
  const content = utf8.encode(text);
  const head = { status, fields: new Fields([...fields.flat, "content-length", String(content.length)]) };
  return { head, body: caller.bodiless || content.length === 0 ? noBody : sourceOf(content, Fields.empty) };
}
