/** WebSockets: a real client and a real server with the edge between them, where the host has connections of its own. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, request, type Server } from "node:http";
import type { Duplex } from "node:stream";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { OriginProtocol } from "../../proto/gen/edgeway/v1/table_pb.js";
import { edges, type EdgeUnderTest } from "../edges/edges.ts";
import { anyCallTo } from "../edges/table.ts";
import { portOf } from "../http2/subjects.ts";

/** A text frame without a mask, as servers send them (RFC 6455 section 5.2). */
function frame(text: string): Buffer {
  const payload = Buffer.from(text);
  const length = payload.length < 126 ? Buffer.of(payload.length) : Buffer.of(126, payload.length >> 8, payload.length);
  return Buffer.concat([Buffer.of(0x81), length, payload]);
}

/** Sends every byte back that comes behind the handshake, without the mask. Understands whole short frames only. */
function echo(socket: Duplex): void {
  let held = Buffer.alloc(0);
  socket.on("data", (bytes: Buffer) => {
    held = Buffer.concat([held, bytes]);
    for (;;) {
      const short = held.length > 1 ? held[1]! & 0x7f : 0;
      const start = short === 126 ? 8 : 6;
      if (held.length < start) return;
      const length = short === 126 ? held.readUInt16BE(2) : short;
      if (held.length < start + length) return;
      const mask = held.subarray(start - 4, start);
      const text = held.subarray(start, start + length).map((byte, i) => byte ^ mask[i & 3]!);
      const opcode = held[0]! & 0xf;
      held = held.subarray(start + length);
      if (opcode === 8) return void socket.end(Buffer.concat([Buffer.of(0x88, text.length), text]));
      socket.write(frame(Buffer.from(text).toString()));
    }
  });
}

function accept(incoming: IncomingMessage, socket: Duplex): void {
  socket.on("error", () => {}); // the caller may be gone
  socket.on("end", () => socket.end());
  const key = incoming.headers["sec-websocket-key"];
  const proof = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
  if (incoming.url === "/refused") {
    return void socket.end("HTTP/1.1 403 Forbidden\r\ncontent-length: 3\r\n\r\nno!");
  }
  // The first frame comes in one piece with the head.
  socket.write(
    Buffer.concat([
      Buffer.from(
        `HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: ${proof}\r\nsec-websocket-protocol: chat\r\n\r\n`,
      ),
      frame(`hello ${incoming.headers.host} ${incoming.url}`),
    ]),
  );
  echo(socket);
}

let origin: Server;
beforeAll(async () => {
  origin = createServer((_, response) => response.end("plain"));
  origin.on("upgrade", accept);
  origin.listen(0, "127.0.0.1");
  await once(origin, "listening");
});
afterAll(() => {
  origin.closeAllConnections();
  origin.close();
});

const table = (protocol: OriginProtocol) => anyCallTo(portOf(origin), protocol);

/** What the server sends next. */
async function next(socket: WebSocket): Promise<unknown> {
  const [event] = (await once(socket, "message")) as [MessageEvent];
  return event.data;
}

describe("the Node host", () => {
  let edge: EdgeUnderTest;
  beforeAll(async () => {
    edge = await edges["node"]!(table(OriginProtocol.HTTP1), undefined);
  });
  afterAll(() => edge.close());

  test("passes a WebSocket: messages both ways, the protocol that was agreed on, and the close", async () => {
    const socket = new WebSocket(`ws://127.0.0.1:${edge.port}/room?x=1`, ["chat", "other"]);
    expect(await next(socket)).toBe(`hello 127.0.0.1:${edge.port} /room?x=1`);
    expect(socket.protocol).toBe("chat");
    for (const text of ["one", "zwei".repeat(5000)]) {
      socket.send(text);
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      expect(await next(socket)).toBe(text);
    }
    const closed = once(socket, "close");
    socket.close(1000, "bye");
    const [event] = (await closed) as [CloseEvent];
    expect([event.code, event.wasClean]).toEqual([1000, true]);
  });

  test("a caller that is gone is gone for the origin, and one that the origin refuses gets its answer", async () => {
    const server = new Promise<Duplex>((resolve) => origin.once("upgrade", (_, socket: Duplex) => resolve(socket)));
    const asked = request({ port: edge.port, headers: { connection: "upgrade", upgrade: "websocket" } }).end();
    asked.on("upgrade", (_, socket) => socket.destroy());
    const atOrigin = await server;
    if (!atOrigin.destroyed) await once(atOrigin, "close");

    const refused = request({
      port: edge.port,
      path: "/refused",
      headers: { connection: "upgrade", upgrade: "websocket" },
    });
    const [answer] = (await once(refused.end(), "response")) as [IncomingMessage];
    expect(answer.statusCode).toBe(403);
    expect((await answer.setEncoding("utf8").toArray()).join("")).toBe("no!");
  });

  test("a request for another protocol, such as h2c, is answered in HTTP/1.1", async () => {
    const asked = request({ port: edge.port, headers: { connection: "upgrade", upgrade: "h2c" } }).end();
    const [answer] = (await once(asked, "response")) as [IncomingMessage];
    expect((await answer.setEncoding("utf8").toArray()).join("")).toBe("plain");
  });
});

test.each([
  ["node", OriginProtocol.HTTP2, "appProtocol kubernetes.io/ws"],
  ["workerd", OriginProtocol.HTTP1, "not here"],
  ["deno", OriginProtocol.HTTP1, "not here"],
])("%s refuses a WebSocket that it cannot pass, and says why", async (host, protocol, why) => {
  const edge = await edges[host]!(table(protocol), undefined);
  const asked = request({ port: edge.port, headers: { connection: "upgrade", upgrade: "websocket" } }).end();
  const [answer] = (await once(asked, "response")) as [IncomingMessage];
  expect(answer.statusCode).toBe(501);
  expect((await answer.setEncoding("utf8").toArray()).join("")).toContain(why);
  await edge.close();
});
