import { Agent, type ClientRequest, type IncomingMessage, request as httpRequest } from "node:http";
import { CallError } from "../../../worker/call/error.ts";
import { Fields } from "../../../worker/call/fields.ts";
import {
  type Answer,
  type Body,
  type Cancel,
  type Handler,
  type HttpRequest,
  noBody,
} from "../../../worker/call/http.ts";
import { Code } from "../../../worker/call/status.ts";
import { fieldsFromRaw, ReadableBody, writeBody } from "./node-body.ts";

export interface Http1Client {
  readonly handler: Handler;
  /** Closes idle connections. */
  close(): void;
}

/** workerd closes a connection that was idle for five seconds: one about to be closed is not used again. */
const idleMs = 3000;

/** As much as Cloudflare takes. */
export const maxHeaderSize = 128 * 1024;

/** Sends requests to an HTTP/1.1 server, answers streaming back while bodies still stream out. */
export function http1Client(host: string, port: number): Http1Client {
  const agent = new Agent({ keepAlive: true, timeout: idleMs });
  const handler: Handler = (request, answer) => {
    const outgoing = httpRequest({
      agent,
      host,
      port,
      method: request.head.method,
      path: request.head.path,
      headers: rawHeaders(request),
      maxHeaderSize,
    });
    return exchange(request.body, outgoing, answer);
  };
  return { handler, close: () => agent.destroy() };
}

function exchange(body: Body, outgoing: ClientRequest, answer: Answer): Cancel {
  let response: Body | undefined;
  let over = false;

  function stop(reason: CallError): void {
    body.cancel(reason);
    outgoing.destroy();
  }

  outgoing.on("response", (incoming) => {
    // An answer that came before its request was all sent: the rest of that is of no use to anyone.
    incoming.once("end", () => {
      if (!outgoing.writableFinished) stop(new CallError(Code.CANCELLED, "already answered", { side: "edge" }));
    });
    response = responseBody(outgoing, incoming);
    answer.respond({
      head: { status: incoming.statusCode!, fields: fieldsFromRaw(incoming.rawHeaders) },
      body: response,
    });
  });
  outgoing.on("error", (cause) => {
    if (response || over) return;
    over = true;
    body.cancel(unavailable(cause));
    answer.fail(unavailable(cause));
  });

  if (body === noBody) {
    outgoing.end();
  } else {
    outgoing.flushHeaders();
    writeBody(body, outgoing, { end: () => outgoing.end(), fail: (error) => outgoing.destroy(error) });
  }
  return (reason) => {
    over = true;
    response?.cancel(reason);
    stop(reason);
  };
}

function unavailable(cause: Error | undefined): CallError {
  const why = cause === undefined ? "the connection closed" : cause.message;
  return new CallError(Code.UNAVAILABLE, `the Worker cannot be reached: ${why}`, { side: "edge", cause });
}

function rawHeaders({ head, body }: HttpRequest): string[] {
  const raw = ["host", head.authority, ...joinCookies(head.fields).flat];
  if (head.fields.has("content-length")) return raw;
  if (body !== noBody) raw.push("transfer-encoding", "chunked");
  else if (["POST", "PUT", "PATCH"].includes(head.method)) raw.push("content-length", "0");
  return raw;
}

/** HTTP/2 may split the cookie field, HTTP/1.1 takes but one (RFC 9113 section 8.2.3). */
function joinCookies(fields: Fields): Fields {
  const cookies = [...fields].filter(([name]) => name === "cookie").map(([, value]) => value);
  if (cookies.length < 2) return fields;
  const others = [...fields].filter(([name]) => name !== "cookie");
  return Fields.from([...others, ["cookie", cookies.join("; ")]]);
}

function responseBody(outgoing: ClientRequest, incoming: IncomingMessage): Body {
  const { statusCode, headers } = incoming;
  if (outgoing.method === "HEAD" || statusCode === 204 || statusCode === 304 || headers["content-length"] === "0") {
    incoming.resume();
    return noBody;
  }
  return new ReadableBody(incoming, {
    trailers: () => fieldsFromRaw(incoming.rawTrailers),
    broken: unavailable,
    cancelled: () => outgoing.destroy(),
  });
}
