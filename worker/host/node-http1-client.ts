/** HTTP/1.1 to origins, by node:http. */
import { Agent, type ClientRequest, type IncomingMessage, request as httpRequest } from "node:http";
import { Agent as TlsAgent, request as httpsRequest } from "node:https";
import { isIP } from "node:net";
import { CallError } from "../call/error.ts";
import { type Answer, type Body, type Cancel, type HttpRequest, noBody } from "../call/http.ts";
import { Code } from "../call/status.ts";
import type { Endpoint } from "../transport/pool.ts";
import { ReadableBody, writeBody } from "./node-body.ts";
import { fieldsFromRaw, joinCookies } from "./node-http1-fields.ts";

/** Many servers close a connection that was idle for five seconds: one about to be closed is not used again. */
const idleMs = 3000;
/** Milliseconds a connection may take to open: as for HTTP/2's (transport/pool.ts). */
const connectMs = 5000;
/** Bytes of an answer's head: as much as Cloudflare's front takes. */
const maxHeaderSize = 128 * 1024;

/** Connections to every origin that speaks HTTP/1.1. */
export class Http1Client {
  readonly #plain = new Agent({ keepAlive: true, timeout: idleMs });
  readonly #tls = new TlsAgent({ keepAlive: true, timeout: idleMs });

  /** Sends `request`; its answer streams back while its body still streams out. */
  send(request: HttpRequest, answer: Answer, { host, port, tls }: Endpoint): Cancel {
    const { method, path } = request.head;
    const options = { host, port, method, path, headers: rawHeaders(request), maxHeaderSize };
    const outgoing = tls
      ? httpsRequest({ ...options, agent: this.#tls, servername: isIP(host) === 0 ? host : "" })
      : httpRequest({ ...options, agent: this.#plain });
    limitConnecting(outgoing);
    return exchange(request.body, outgoing, answer, `${host}:${port}`);
  }

  /** Closes idle connections. */
  close(): void {
    this.#plain.destroy();
    this.#tls.destroy();
  }
}

function limitConnecting(outgoing: ClientRequest): void {
  outgoing.once("socket", (socket) => {
    if (!socket.connecting) return;
    const late = () => outgoing.destroy(new Error(`no connection within ${connectMs / 1000} s`));
    const timer = setTimeout(late, connectMs);
    socket.once("connect", () => clearTimeout(timer));
    socket.once("close", () => clearTimeout(timer));
  });
}

function exchange(body: Body, outgoing: ClientRequest, answer: Answer, origin: string): Cancel {
  let response: Body | undefined;
  let over = false;

  function stop(reason: CallError): void {
    body.cancel(reason);
    outgoing.destroy();
  }
  const broken = (cause: Error | undefined) => unavailable(origin, outgoing, cause);

  outgoing.on("response", (incoming) => {
    // An answer that came before its request was all sent: the rest of that is of no use to anyone.
    incoming.once("end", () => {
      if (!outgoing.writableFinished) stop(new CallError(Code.CANCELLED, "already answered", { side: "origin" }));
    });
    response = responseBody(outgoing, incoming, broken);
    const fields = fieldsFromRaw(incoming.rawHeaders);
    answer.respond({ head: { status: incoming.statusCode!, fields }, body: response });
  });
  outgoing.on("error", (cause) => {
    if (response || over) return;
    over = true;
    const error = broken(cause);
    body.cancel(error);
    answer.fail(error);
  });

  if (body === noBody) {
    outgoing.end();
  } else {
    writeBody(body, outgoing, { end: () => outgoing.end(), fail: (error) => outgoing.destroy(error) });
    outgoing.flushHeaders();
  }
  return (reason) => {
    over = true;
    response?.cancel(reason);
    stop(reason);
  };
}

function unavailable(origin: string, outgoing: ClientRequest, cause: Error | undefined): CallError {
  const unprocessed = outgoing.socket === null || outgoing.socket.connecting || outgoing.socket.bytesWritten === 0;
  const why = cause === undefined ? "the connection closed" : cause.message;
  return new CallError(Code.UNAVAILABLE, `${origin}: ${why}`, { side: "origin", unprocessed, cause });
}

function rawHeaders({ head, body }: HttpRequest): string[] {
  const raw = ["host", head.authority, ...joinCookies(head.fields).flat];
  if (head.fields.has("content-length")) return raw;
  if (body !== noBody) raw.push("transfer-encoding", "chunked");
  else if (["POST", "PUT", "PATCH"].includes(head.method)) raw.push("content-length", "0");
  return raw;
}

function responseBody(
  outgoing: ClientRequest,
  incoming: IncomingMessage,
  broken: (cause: Error | undefined) => CallError,
): Body {
  const { statusCode, headers } = incoming;
  if (outgoing.method === "HEAD" || statusCode === 204 || statusCode === 304 || headers["content-length"] === "0") {
    incoming.resume();
    return noBody;
  }
  return new ReadableBody(incoming, {
    trailers: () => fieldsFromRaw(incoming.rawTrailers),
    broken,
    cancelled: () => outgoing.destroy(),
  });
}
