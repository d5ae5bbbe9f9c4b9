import { Agent, type ClientRequest, type IncomingMessage, request as httpRequest } from "node:http";
import { type NetConnectOpts, Socket } from "node:net";
import { CallError } from "../../../worker/call/error.ts";
import {
  type Answer,
  type Body,
  type Cancel,
  type Handler,
  type HttpRequest,
  noBody,
} from "../../../worker/call/http.ts";
import { Code } from "../../../worker/call/status.ts";
import { ReadableBody, writeBody } from "../../../worker/host/node-body.ts";
import { fieldsFromRaw, joinCookies } from "../../../worker/host/node-http1-fields.ts";

export interface Http1Client {
  readonly handler: Handler;
  /** Closes idle connections. */
  close(): void;
}

/** workerd closes a connection that was idle for five seconds: one about to be closed is not used again. */
const idleMs = 3000;

/** As much as Cloudflare takes. */
const maxHeaderSize = 128 * 1024;

/**
 * A connection that is read on when it takes no more writes: workerd closes those whose request it answered before it
 * had read all of it, and the answer is still to be read.
 */
class PatientSocket extends Socket {
  /* oxlint-disable no-underscore-dangle -- the names are Node's */
  override _write(chunk: unknown, encoding: BufferEncoding, written: () => void): void {
    super._write(chunk, encoding, () => written());
  }

  override _writev(chunks: { chunk: unknown; encoding: BufferEncoding }[], written: () => void): void {
    super._writev!(chunks, () => written());
  }
  /* oxlint-enable no-underscore-dangle */
}

class PatientAgent extends Agent {
  override createConnection(options: NetConnectOpts): Socket {
    return new PatientSocket(options).connect(options);
  }
}

/** Sends requests to an HTTP/1.1 server, answers streaming back while bodies still stream out. */
export function http1Client(host: string, port: number): Http1Client {
  const agent = new PatientAgent({ keepAlive: true, timeout: idleMs });
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
    // A Worker refuses to be a WebSocket's end: nothing follows.
    return exchange(request.head.upgrade === undefined ? request.body : noBody, outgoing, answer);
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
    // workerd may close the connection of a request that it answered before it had read it all.
    if (!outgoing.writableFinished) outgoing.shouldKeepAlive = false;
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
    // Node's clients end a request that they cancel, and reset it at once. workerd sees no caller leave whose request was
    // complete: so it is not, before what came with its end is known.
    const end = () => setImmediate(() => outgoing.destroyed || outgoing.end());
    writeBody(body, outgoing, { end, fail: (error) => outgoing.destroy(error) });
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
  if (head.upgrade !== undefined) return [...raw, "connection", "upgrade", "upgrade", head.upgrade];
  if (head.fields.has("content-length")) return raw;
  if (body !== noBody) raw.push("transfer-encoding", "chunked");
  else if (["POST", "PUT", "PATCH"].includes(head.method)) raw.push("content-length", "0");
  return raw;
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
