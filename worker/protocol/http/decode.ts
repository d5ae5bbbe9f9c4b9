/** An origin's plain HTTP answer. */
import type { HttpResponse } from "../../call/http.ts";
import { endToEnd } from "../fields.ts";

export function passResponse({ head, body }: HttpResponse): HttpResponse {
  const fields = endToEnd(head.fields);
  return fields === head.fields ? { head, body } : { head: { status: head.status, fields }, body };
}
