import type { CallError } from "../../../worker/call/error.ts";
import { Fields } from "../../../worker/call/fields.ts";
import { type Body, type Handler, type HttpResponse, noBody } from "../../../worker/call/http.ts";

/** Answers in the place of a handler that has no answer. */
export function orBadGateway(handler: Handler): Handler {
  return (request, answer) =>
    handler(request, {
      respond: (response) => answer.respond(response),
      fail: (error) => answer.respond(badGateway(error)),
    });
}

/** What a caller of plain HTTP gets when there is no answer to pass on. */
function badGateway(error: CallError): HttpResponse {
  const text = new TextEncoder().encode(`${error.message}\n`);
  const body: Body = {
    ...noBody,
    pipe(sink) {
      sink.write(text);
      sink.end(Fields.empty);
    },
  };
  const fields = new Fields(["content-type", "text/plain; charset=utf-8", "content-length", String(text.length)]);
  return { head: { status: 502, fields }, body };
}
