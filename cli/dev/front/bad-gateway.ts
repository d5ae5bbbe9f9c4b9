import type { CallError } from "../../../worker/call/error.ts";
import { Fields } from "../../../worker/call/fields.ts";
import type { Body, HttpResponse } from "../../../worker/call/http.ts";

/** What a caller of plain HTTP gets when there is no answer to pass on. */
export function badGateway(error: CallError): HttpResponse {
  const text = new TextEncoder().encode(`${error.message}\n`);
  const body: Body = {
    pipe(sink) {
      sink.write(text);
      sink.end(Fields.empty);
    },
    consumed() {},
    cancel() {},
  };
  const fields = new Fields(["content-type", "text/plain; charset=utf-8", "content-length", String(text.length)]);
  return { head: { status: 502, fields }, body };
}
