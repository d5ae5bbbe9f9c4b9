import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { CallError } from "../../../worker/call/error.ts";
import { Fields } from "../../../worker/call/fields.ts";
import { type Body, type Handler, type HttpResponse, noBody } from "../../../worker/call/http.ts";
import { Code } from "../../../worker/call/status.ts";
import { badGateway } from "./bad-gateway.ts";
import { maxHeaderSize } from "./http1-client.ts";
import { fieldsFromRaw, ReadableBody, writeBody } from "./node-body.ts";

/** Returns what serves HTTP/1.1 on a connection. */
export function http1Server(scheme: "http" | "https"): (socket: Socket, handler: Handler) => void {
  const handlers = new WeakMap<Socket, Handler>();
  // A stream may last for as long as its caller likes.
  const server = createServer({ maxHeaderSize, requestTimeout: 0 }, (request, response) =>
    serve(scheme, request, response, handlers.get(request.socket)!),
  );
  return (socket, handler) => {
    handlers.set(socket, handler);
    server.emit("connection", socket);
  };
}

function serve(scheme: "http" | "https", incoming: IncomingMessage, outgoing: ServerResponse, handler: Handler): void {
  const head = {
    method: incoming.method!,
    scheme,
    authority: incoming.headers.host ?? "",
    path: incoming.url!,
    fields: withoutHost(fieldsFromRaw(incoming.rawHeaders)),
  };
  const cancel = handler(
    { head, body: requestBody(incoming) },
    {
      respond: (response) => respond(response, outgoing),
      fail: (error) => respond(badGateway(error), outgoing),
    },
  );
  outgoing.on("close", () => {
    if (!outgoing.writableFinished) cancel(callerGone());
  });
  outgoing.on("error", () => {}); // "close" follows
}

function respond({ head, body }: HttpResponse, outgoing: ServerResponse): void {
  outgoing.writeHead(head.status, [...head.fields.flat]);
  if (body === noBody) {
    outgoing.end();
    return;
  }
  outgoing.flushHeaders();
  writeBody(body, outgoing, {
    end: (trailers) => {
      outgoing.addTrailers([...trailers]);
      outgoing.end();
    },
    fail: (error) => outgoing.destroy(error),
  });
  outgoing.on("close", () => body.cancel(callerGone()));
}

function requestBody(incoming: IncomingMessage): Body {
  const { headers } = incoming;
  const empty = headers["transfer-encoding"] === undefined && Number(headers["content-length"] ?? 0) === 0;
  if (empty) return noBody;
  return new ReadableBody(incoming, {
    trailers: () => Fields.empty,
    broken: callerGone,
    // The connection serves other requests after this one, so the rest of its body has to be read.
    cancelled: () => incoming.resume(),
  });
}

function withoutHost(fields: Fields): Fields {
  return Fields.from([...fields].filter(([name]) => name !== "host"));
}

function callerGone(cause?: Error): CallError {
  return new CallError(Code.CANCELLED, "the caller went away", { side: "caller", cause });
}
