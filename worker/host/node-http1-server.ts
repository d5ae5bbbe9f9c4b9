/** Requests of HTTP/1.1 by node:http. */
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from "node:http";
import { CallError } from "../call/error.ts";
import type { Fields } from "../call/fields.ts";
import { type Body, type Handler, type HttpResponse, noBody, type RequestHead } from "../call/http.ts";
import { octets } from "../call/octets.ts";
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
  outgoing.on("error", () => {}); // "close" follows
  try {
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
  } catch {
    breakOff(outgoing); // a handler's defect must not reach other callers
  }
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

/** Nothing that Node finds wrong with an answer is thrown at who gives it: that may be a connection of many calls. */
function respond({ head, body }: HttpResponse, outgoing: ServerResponse): void {
  if (outgoing.destroyed || outgoing.headersSent) return body.cancel(callerGone());
  try {
    outgoing.writeHead(head.status, head.fields.flat.map(octets));
  } catch (cause) {
    body.cancel(new CallError(Code.INTERNAL, "the answer's head cannot be sent", { side: "edge", cause }));
    return breakOff(outgoing);
  }
  if (body === noBody) {
    outgoing.end();
    return;
  }
  writeBody(body, outgoing, {
    end: (trailers) => end(trailers, outgoing),
    fail: (error) => outgoing.destroy(error),
  });
  // The head leaves with the first bytes of the body, if this turn brings any.
  setImmediate(() => {
    if (!outgoing.writableEnded && !outgoing.destroyed) outgoing.flushHeaders();
  });
}

function end(trailers: Fields, outgoing: ServerResponse): void {
  try {
    outgoing.addTrailers(Array.from(trailers, ([name, value]): [string, string] => [name, octets(value)]));
    outgoing.end();
  } catch {
    breakOff(outgoing);
  }
}

/** Says that the edge is at fault, if nothing has been said yet. */
function breakOff(outgoing: ServerResponse): void {
  if (outgoing.headersSent) outgoing.destroy();
  else outgoing.writeHead(500, STATUS_CODES[500], { connection: "close", "content-length": 0 }).end();
}

export function callerGone(cause?: Error): CallError {
  return new CallError(Code.CANCELLED, "the caller went away", { side: "caller", cause });
}
