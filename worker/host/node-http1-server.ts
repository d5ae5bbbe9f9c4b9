/** Requests of HTTP/1.1 by node:http. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { CallError } from "../call/error.ts";
import { type Body, type Handler, type HttpResponse, noBody, type RequestHead } from "../call/http.ts";
import { Code } from "../call/status.ts";
import { ReadableBody, writeBody } from "./node-body.ts";
import { fieldsFromRaw } from "./node-http1-fields.ts";

/** Has `handler` answer a request. */
export function serveHttp1(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  scheme: RequestHead["scheme"],
  handler: Handler,
): void {
  const cancel = handler(
    { head: requestHead(incoming, scheme), body: requestBody(incoming) },
    {
      respond: (response) => respond(response, outgoing),
      fail: (error) => outgoing.destroy(error),
    },
  );
  outgoing.on("close", () => {
    if (!outgoing.writableFinished) cancel(callerGone());
  });
  outgoing.on("error", () => {}); // "close" follows
}

export function requestHead(incoming: IncomingMessage, scheme: RequestHead["scheme"]): RequestHead {
  const target = incoming.url!;
  const head = { method: incoming.method!, scheme, fields: fieldsFromRaw(incoming.rawHeaders, "host") };
  // The absolute form, which every server takes, names the authority in place of Host (RFC 9112 section 3.2.2).
  const [, authority, path] = /^https?:\/\/([^/?]*)(.*)$/i.exec(target) ?? [];
  if (authority === undefined) return { ...head, authority: incoming.headers.host ?? "", path: target };
  return { ...head, authority, path: path!.startsWith("/") ? path! : `/${path}` };
}

function requestBody(incoming: IncomingMessage): Body {
  const { headers } = incoming;
  const empty = headers["transfer-encoding"] === undefined && Number(headers["content-length"] ?? 0) === 0;
  if (empty) return noBody;
  return new ReadableBody(incoming, {
    trailers: () => fieldsFromRaw(incoming.rawTrailers),
    broken: callerGone,
    // The connection serves other requests after this one, so the rest of its body has to be read.
    cancelled: () => incoming.resume(),
  });
}

function respond({ head, body }: HttpResponse, outgoing: ServerResponse): void {
  if (outgoing.destroyed) return body.cancel(callerGone());
  outgoing.writeHead(head.status, [...head.fields.flat]);
  if (body === noBody) {
    outgoing.end();
    return;
  }
  writeBody(body, outgoing, {
    end: (trailers) => {
      outgoing.addTrailers([...trailers]);
      outgoing.end();
    },
    fail: (error) => outgoing.destroy(error),
  });
  // The head leaves with the first bytes of the body, if this turn brings any.
  setImmediate(() => {
    if (!outgoing.writableEnded && !outgoing.destroyed) outgoing.flushHeaders();
  });
}

export function callerGone(cause?: Error): CallError {
  return new CallError(Code.CANCELLED, "the caller went away", { side: "caller", cause });
}
