import { expect, test } from "vitest";
import { envelope, envelopePrefix, EnvelopeSplitter } from "./envelope.ts";

function split(stream: Uint8Array, size: number) {
  const messages: { flags: number; length: number; bytes: number[] }[] = [];
  let completed = 0;
  const splitter = new EnvelopeSplitter({
    begin: (flags, length) => messages.push({ flags, length, bytes: [] }),
    piece: (bytes) => messages.at(-1)!.bytes.push(...bytes),
    complete: () => completed++,
  });
  for (let at = 0; at < stream.length; at += size) splitter.push(stream.subarray(at, at + size));
  return { messages, completed, atBoundary: splitter.atBoundary };
}

test("a prefix is the flags and the length, most significant byte first", () => {
  expect([...envelopePrefix(1, 0x01020304)]).toEqual([1, 1, 2, 3, 4]);
  expect([...envelopePrefix(0x80, 0xffffffff)]).toEqual([0x80, 255, 255, 255, 255]);
});

test("messages are found wherever the stream is cut, empty ones too", () => {
  const bodies = [[1, 2, 3], [], Array.from({ length: 300 }, (_, i) => i & 255), []];
  const stream = Buffer.concat(bodies.map((body, i) => envelope(i, Uint8Array.from(body))));
  for (let size = 1; size <= stream.length; size++) {
    const { messages, completed, atBoundary } = split(stream, size);
    expect(messages).toEqual(bodies.map((bytes, flags) => ({ flags, length: bytes.length, bytes })));
    expect(completed).toBe(4);
    expect(atBoundary).toBe(true);
  }
});

test("the announced length is known before any byte of the message, up to 4 GiB", () => {
  expect(split(envelopePrefix(0, 0xfffffffe), 2).messages).toEqual([{ flags: 0, length: 0xfffffffe, bytes: [] }]);
});

test("a stream that stops within a prefix or a message is not at a boundary", () => {
  const stream = envelope(0, Uint8Array.of(1, 2, 3));
  for (let length = 1; length < stream.length; length++) {
    expect(split(stream.subarray(0, length), 3).atBoundary).toBe(false);
  }
  expect(split(new Uint8Array(0), 1).atBoundary).toBe(true);
});

test("pieces are views of what was pushed: nothing is copied", () => {
  const chunk = envelope(0, Uint8Array.of(1, 2, 3));
  const buffers: ArrayBufferLike[] = [];
  new EnvelopeSplitter({ begin() {}, piece: (bytes) => buffers.push(bytes.buffer), complete() {} }).push(chunk);
  expect(buffers).toEqual([chunk.buffer]);
  expect(buffers[0]).toBe(chunk.buffer);
});
