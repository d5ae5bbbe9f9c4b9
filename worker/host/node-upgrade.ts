/** Requests of HTTP/1.1 that ask for a WebSocket: the connection is theirs alone from here on. */
import { type IncomingMessage, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { Fields } from "../call/fields.ts";
import type { Handler, HttpResponse, RequestHead } from "../call/http.ts";
import { octets } from "../call/octets.ts";
import { ReadableBody, writeBody } from "./node-body.ts";
import { callerGone, requestHead } from "./node-http1-server.ts";

/** Whether a request that asks for another protocol asks for that one; others, such as h2c, are answered in this. */
export function asksForWebSocket({ method, headers }: IncomingMessage): boolean {
  return method === "GET" && headers.upgrade?.toLowerCase() === "websocket";
}

/** Has `handler` answer a request on `socket`, of which `early` was read already. */
export function serveUpgrade(
  incoming: IncomingMessage,
  socket: Duplex,
  early: Uint8Array,
  scheme: RequestHead["scheme"],
  handler: Handler,
): void {
  if (early.length > 0) socket.unshift(early);
  const body = new ReadableBody(socket, {
    trailers: () => Fields.empty,
    broken: callerGone,
    cancelled: () => socket.resume(),
  });
  // A tunnel is over when one side is (RFC 9110 section 9.3.6): what it sent is on its way.
  socket.on("end", () => socket.end());
  try {
    const cancel = handler(
      { head: { ...requestHead(incoming, scheme), upgrade: "websocket" }, body },
      { respond: (response) => respond(response, socket), fail: () => socket.destroy() },
    );
    socket.on("close", () => cancel(callerGone()));
  } catch {
    socket.destroy(); // a handler's defect must not reach other callers
  }
}

/** An answer other than 101 ends the connection: nobody reads what may come on it. */
function respond({ head, body }: HttpResponse, socket: Duplex): void {
  if (socket.destroyed) return body.cancel(callerGone());
  const upgraded = head.status === 101;
  const connection = upgraded ? "connection: upgrade\r\nupgrade: websocket\r\n" : "connection: close\r\n";
  let text = `HTTP/1.1 ${head.status} ${STATUS_CODES[head.status] ?? ""}\r\n${connection}`;
  for (const [name, value] of head.fields) text += `${name}: ${octets(value)}\r\n`;
  socket.write(Buffer.from(`${text}\r\n`, "latin1"));
  writeBody(body, socket, { end: () => socket.end(), fail: () => socket.destroy() });
}
