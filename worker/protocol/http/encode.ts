/** Plain HTTP to origins, and the answers that Edgeway makes itself. */
import type { CallError } from "../../call/error.ts";
import { Fields } from "../../call/fields.ts";
import { type HttpResponse, noBody, type RequestHead } from "../../call/http.ts";
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
  const text = utf8.encode(`${error.message}\n`);
  const flat = ["content-type", "text/plain; charset=utf-8", "content-length", String(text.length)];
  // The only method that Edgeway refuses others for is that of a call.
  if (status === 405) flat.push("allow", "POST");
  return { head: { status, fields: new Fields(flat) }, body: caller.bodiless ? noBody : sourceOf(text, Fields.empty) };
}
