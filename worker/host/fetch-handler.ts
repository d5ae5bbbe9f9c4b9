/** What answers by fetch's Request and Response, such as a Hono app, among the handlers of a listener. */
import { CallError } from "../call/error.ts";
import { Fields } from "../call/fields.ts";
import { type Answer, type Handler, type HttpRequest, noBody } from "../call/http.ts";
import { Code } from "../call/status.ts";
import { bodyFromStream, streamFromBody } from "./web-streams.ts";

export type Fetch = (request: Request) => Response | Promise<Response>;

/** Trailer fields are lost: fetch has no place for them. */
export function fetchHandler(fetch: Fetch): Handler {
  return (request, answer) => {
    const gone = new AbortController();
    void answerBy(fetch, request, gone.signal, answer);
    return (reason) => gone.abort(reason);
  };
}

/** Never rejects. */
async function answerBy(fetch: Fetch, request: HttpRequest, signal: AbortSignal, answer: Answer): Promise<void> {
  try {
    const response = await fetch(toRequest(request, signal));
    const fields = Fields.from([...response.headers]);
    answer.respond({ head: { status: response.status, fields }, body: bodyFromStream(response.body) });
  } catch (cause) {
    answer.fail(new CallError(Code.INTERNAL, "the edge could not answer", { side: "edge", cause }));
  }
}

function toRequest({ head, body }: HttpRequest, signal: AbortSignal): Request {
  const { method, scheme, authority, path, fields } = head;
  const hasBody = body !== noBody && method !== "GET" && method !== "HEAD";
  return new Request(new URL(path, `${scheme}://${authority || "edge"}`), {
    method,
    headers: [...fields],
    signal,
    ...(hasBody && { body: streamFromBody(body), duplex: "half" }),
  });
}
