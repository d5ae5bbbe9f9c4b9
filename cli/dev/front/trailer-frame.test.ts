import { expect, test } from "vitest";
import { Fields } from "../../../worker/call/fields.ts";
import { envelope } from "../../../worker/wire/envelope.ts";
import { encodeTrailerFrame } from "../../../worker/wire/web-trailer.ts";
import { maxTrailerFrame, TrailerFrame } from "./trailer-frame.ts";

const messages = Buffer.concat([
  envelope(0, new Uint8Array(300)),
  envelope(1, new Uint8Array(0)),
  envelope(0, Uint8Array.of(0x80, 0x80)),
]);
const trailers = Fields.from([
  ["grpc-status", "5"],
  ["grpc-message", "no such order"],
]);
const answer = Buffer.concat([messages, encodeTrailerFrame(trailers)]);

/** Cuts `bytes` at the positions given. */
function chunks(bytes: Buffer, ...cuts: number[]): Buffer[] {
  return [0, ...cuts].map((from, i) => bytes.subarray(from, cuts[i] ?? bytes.length));
}

test("wherever an answer is cut, its messages are left and its trailers found", () => {
  for (let cut = 0; cut <= answer.length; cut += 1) {
    const frame = new TrailerFrame();
    const left = chunks(answer, cut).map((chunk) => chunk.subarray(0, frame.take(chunk)));
    expect(Buffer.concat(left), `cut at ${cut}`).toEqual(messages);
    expect(frame.finish().flat, `cut at ${cut}`).toEqual(trailers.flat);
  }
});

test("an answer of single bytes gives its trailers too", () => {
  const frame = new TrailerFrame();
  const left = [...answer].map((byte) => frame.take(Uint8Array.of(byte)));
  expect(left.reduce((sum, bytes) => sum + bytes)).toBe(messages.length);
  expect(frame.finish().flat).toEqual(trailers.flat);
});

test("an answer that ends anywhere before its end is told apart from a whole one", () => {
  for (let end = 0; end < answer.length; end += 1) {
    const frame = new TrailerFrame();
    frame.take(answer.subarray(0, end));
    expect(() => frame.finish(), `ends at ${end}`).toThrow(/^it ends with/);
  }
});

test("a trailer frame that grows too long is refused before it is kept", () => {
  const frame = new TrailerFrame();
  frame.take(Uint8Array.of(0x80, 255, 255, 255, 255));
  frame.take(new Uint8Array(maxTrailerFrame - 5));
  expect(() => frame.take(new Uint8Array(1))).toThrow("longer than");
});

test("a compressed trailer frame is refused", () => {
  expect(() => new TrailerFrame().take(Uint8Array.of(0x81, 0, 0, 0, 0))).toThrow("compressed");
});
