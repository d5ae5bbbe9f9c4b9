import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { isHttp2 } from "./node-preface.ts";

async function send(...pieces: string[]): Promise<{ http2: boolean; left: string }> {
  const socket = new PassThrough();
  const answer = isHttp2(socket);
  for (const piece of pieces) {
    socket.write(piece);
    await new Promise(setImmediate);
  }
  const http2 = await answer;
  return { http2, left: String(socket.read()) };
}

const http2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

test.each([
  ["the preface of HTTP/2", [http2Preface], true],
  ["the preface in single bytes", http2Preface.slice(0, 16).split(""), true],
  ["a request of HTTP/1.1", ["GET / HTTP/1.1\r\n\r\n"], false],
  ["a method that begins as the preface does", "PRINT".split(""), false],
  ["a single byte that cannot be the preface", ["G"], false],
])("%s is recognised, and nothing of it is lost", async (_what, pieces, http2) => {
  expect(await send(...pieces)).toEqual({ http2, left: pieces.join("") });
});

test("a connection that ends before it is known is given up", async () => {
  const socket = new PassThrough();
  const answer = isHttp2(socket);
  socket.end("PRI");
  await expect(answer).rejects.toThrow("said nothing");
});
