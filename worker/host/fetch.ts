/** Calls as fetch-shaped hosts have them: a Request comes in, a Response goes out. */
import { CallError } from "../call/error.ts";
import { Fields } from "../call/fields.ts";
import { type Answer, type Cancel, type HttpResponse, noBody, type RequestHead } from "../call/http.ts";
import { Code } from "../call/status.ts";
import { bodyInit, streamFromBody } from "./web-streams.ts";

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

/** The answer to a request for a WebSocket, if it is one: its bytes have no way through a handler of requests. */
export function refuseWebSocket({ headers }: Request): Response | undefined {
  if (headers.get("upgrade")?.toLowerCase() !== "websocket") return undefined;
  return new Response("WebSockets pass where Edgeway runs as a Node process, not here\n", { status: 501 });
}

/** Starts an exchange and makes a Response of its answer. `signal` says that the caller is gone. */
export function respondWith(start: (answer: Answer) => Cancel, signal: AbortSignal): Promise<Response> {
  return new Promise((resolve, reject) => {
    const leave = () => cancel(new CallError(Code.CANCELLED, "the caller went away", { side: "caller" }));
    // Runtimes keep a signal for longer than its call, and what listens to it with all that hangs on it.
    const over = () => signal.removeEventListener("abort", leave);
    signal.addEventListener("abort", leave);
    const fail = (error: unknown): void => {
      over();
      reject(error);
    };
    const cancel = start({
      respond(response) {
        try {
          resolve(toResponse(response, over));
        } catch (cause) {
          // A field that the runtime refuses: the origin's, and none of the connection's that it came by.
          const error = new CallError(Code.INTERNAL, `the answer cannot be passed on: ${String(cause)}`, {
            side: "origin",
            cause,
          });
          response.body.cancel(error);
          fail(error);
        }
      },
      fail,
    });
    if (signal.aborted) leave();
  });
}

/** @param over is called when nothing more is asked of the answer */
export function toResponse(response: HttpResponse, over: () => void = () => {}): Response {
  const { head } = response;
  return new Response(bodyOf(response, over), {
    status: head.status,
    headers: [...head.fields],
    // What the origin encoded stays as it is.
    ...(head.fields.has("content-encoding") && { encodeBody: "manual" }),
  });
}

/** Statuses whose answers have no body (RFC 9110 sections 15.3.5, 15.3.6 and 15.4.5): a Response refuses to have one. */
const bodiless: readonly number[] = [204, 205, 304];

function bodyOf({ head, body }: HttpResponse, over: () => void): ReturnType<typeof bodyInit> | null {
  if (body === noBody || bodiless.includes(head.status)) {
    body.cancel(new CallError(Code.CANCELLED, `an answer of ${head.status} has no body`, { side: "edge" }));
    over();
    return null;
  }
  // Cloudflare makes gRPC of those gRPC-Web answers only that are streamed, without a content-length.
  const isGrpcWeb = head.fields.get("content-type")?.startsWith("application/grpc-web") === true;
  return isGrpcWeb ? streamFromBody(body, over) : bodyInit(body, over);
}
