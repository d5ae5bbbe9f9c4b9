import { constants, performServerHandshake, type ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import { CallError } from "../../../worker/call/error.ts";
import { Fields } from "../../../worker/call/fields.ts";
import {
  type Body,
  type Handler,
  type HttpRequest,
  type HttpResponse,
  noBody,
  type RequestHead,
} from "../../../worker/call/http.ts";
import { Code } from "../../../worker/call/status.ts";
import { badGateway } from "./bad-gateway.ts";
import { ReadableBody, writeBody } from "./node-body.ts";

const maxConcurrentStreams = 256;
/** node:http2 takes no more, whatever it announces. */
const maxHeaderListSize = 64 * 1024;
const streamWindow = 256 * 1024;
const connectionWindow = 4 * streamWindow;

/** Serves HTTP/2 on a connection. */
export function serveHttp2(socket: Socket, scheme: "http" | "https", handler: Handler): void {
  const session = performServerHandshake(socket, {
    settings: { maxConcurrentStreams, initialWindowSize: streamWindow, maxHeaderListSize },
  });
  session.setLocalWindowSize(connectionWindow);
  session.on("error", () => socket.destroy());
  session.on("stream", (stream, _headers, flags, rawHeaders) => {
    const ended = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
    serve(stream, { head: requestHead(rawHeaders, scheme), body: ended ? noBody : requestBody(stream) }, handler);
  });
}

function serve(stream: ServerHttp2Stream, request: HttpRequest, handler: Handler): void {
  let answered = false;
  const answer = (response: HttpResponse) => {
    answered = true;
    respond(response, stream);
  };
  const cancel = handler(request, { respond: answer, fail: (error) => answer(badGateway(error)) });
  stream.on("error", () => {}); // "close" follows
  stream.on("close", () => {
    if (!answered || !stream.writableFinished) cancel(callerGone());
  });
}

function requestHead(raw: readonly string[], scheme: "http" | "https"): RequestHead {
  const pseudo: Record<string, string> = {};
  const flat: string[] = [];
  for (let i = 0; i < raw.length; i += 2) {
    const [name, value] = [raw[i]!, raw[i + 1]!];
    if (name.startsWith(":") || name === "host") pseudo[name] = value;
    else flat.push(name, value);
  }
  return {
    method: pseudo[":method"] ?? "",
    scheme,
    authority: pseudo[":authority"] ?? pseudo["host"] ?? "",
    path: pseudo[":path"] ?? "",
    fields: new Fields(flat),
  };
}

function requestBody(stream: ServerHttp2Stream): Body {
  return new ReadableBody(stream, {
    trailers: () => Fields.empty,
    broken: callerGone,
    // The end of the answer closes the stream; until then nothing more is read.
    cancelled: () => stream.pause(),
  });
}

function respond({ head, body }: HttpResponse, stream: ServerHttp2Stream): void {
  if (stream.destroyed || stream.closed) {
    body.cancel(callerGone());
    return;
  }
  const headers = { ":status": head.status, ...headersOf(head.fields) };
  if (body === noBody) {
    stream.respond(headers, { endStream: true });
    closeWhenSent(stream);
    return;
  }
  let trailers = Fields.empty;
  stream.respond(headers, { waitForTrailers: true });
  stream.on("wantTrailers", () => {
    stream.sendTrailers(headersOf(trailers));
    closeWhenSent(stream);
  });
  stream.on("close", () => body.cancel(callerGone()));
  writeBody(body, stream, {
    end: (fields) => {
      trailers = fields;
      stream.end();
    },
    fail: () => stream.close(constants.NGHTTP2_INTERNAL_ERROR),
  });
}

/** A caller still sending is told to stop, now that it has its answer (RFC 9113 section 8.1). */
function closeWhenSent(stream: ServerHttp2Stream): void {
  const sending = !stream.endAfterHeaders && !stream.readableEnded;
  if (sending) setImmediate(() => stream.close(constants.NGHTTP2_NO_ERROR));
}

function headersOf(fields: Fields): Record<string, string[]> {
  const headers: Record<string, string[]> = {};
  for (const [name, value] of fields) (headers[name] ??= []).push(value);
  return headers;
}

function callerGone(cause?: Error): CallError {
  return new CallError(Code.CANCELLED, "the caller went away", { side: "caller", cause });
}
