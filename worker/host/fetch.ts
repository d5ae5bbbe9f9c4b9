/** Calls as fetch-shaped hosts have them: a Request comes in, a Response goes out. */
import { CallError } from "../call/error.ts";
import { Fields } from "../call/fields.ts";
import { type Answer, type Cancel, type HttpResponse, noBody, type RequestHead } from "../call/http.ts";
import { Code } from "../call/status.ts";
import { bodyInit } from "./web-streams.ts";

/** `request`'s head. `scheme` is the one that the caller used: the runtime may not know it. */
export function headOf(request: Request, scheme: RequestHead["scheme"]): RequestHead {
  const { url, method, headers } = request;
  const afterScheme = url.indexOf("://") + 3;
  const slash = url.indexOf("/", afterScheme);
  return {
    method,
    scheme,
    authority: headers.get("host") ?? url.slice(afterScheme, slash),
    path: url.slice(slash),
    fields: Fields.from([...headers].filter(([name]) => name !== "host")),
  };
}

/** Starts an exchange and makes a Response of its answer. `signal` says that the caller is gone. */
export function respondWith(start: (answer: Answer) => Cancel, signal: AbortSignal): Promise<Response> {
  return new Promise((resolve, reject) => {
    const cancel = start({ respond: (response) => resolve(toResponse(response)), fail: reject });
    signal.addEventListener("abort", () =>
      cancel(new CallError(Code.CANCELLED, "the caller went away", { side: "caller" })),
    );
  });
}

export function toResponse({ head, body }: HttpResponse): Response {
  return new Response(body === noBody ? null : bodyInit(body), {
    status: head.status,
    headers: [...head.fields],
    // What the origin encoded stays as it is.
    ...(head.fields.has("content-encoding") && { encodeBody: "manual" }),
  });
}
