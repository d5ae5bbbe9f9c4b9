import { describe, expect, test } from "vitest";
import { encodeData } from "./frame/data.ts";
import { encodePing } from "./frame/ping.ts";
import { Output } from "./output.ts";
import { join } from "./testing/frames.ts";

/** An output whose writes are kept; `done` says what each is told about its memory. */
function outputUnderTest(done: () => boolean): { output: Output; writes: Uint8Array[] } {
  const writes: Uint8Array[] = [];
  const output = new Output({
    write: (bytes) => {
      writes.push(bytes);
      return done();
    },
    schedule() {},
  });
  return { output, writes };
}

const pieces = Array.from({ length: 400 }, (_, i) => new Uint8Array(i * 5).fill(i));

/** Frames of `pieces`, several to a flush. */
function fill(output: Output, copy: (() => void) | undefined): void {
  for (const [i, piece] of pieces.entries()) {
    encodeData(output, i * 2 + 1, piece, 0, piece.length);
    if (i % 7 !== 0) continue;
    output.flush();
    copy?.();
  }
  output.flush();
  copy?.();
}

function expectFrames(bytes: Uint8Array): void {
  let at = 0;
  for (const piece of pieces) {
    expect(((bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!) === piece.length).toBe(true);
    expect(bytes.subarray(at + 9, at + 9 + piece.length)).toEqual(piece);
    at += 9 + piece.length;
  }
  expect(at).toBe(bytes.length);
}

describe("what is flushed", () => {
  test("stays as it was written while its memory is not given back", () => {
    const { output, writes } = outputUnderTest(() => false);
    fill(output, undefined);
    expectFrames(join(...writes));
  });

  test("is right at its time where memory is given back at once, now and then, or late", () => {
    for (const every of [1, 2, 5]) {
      let count = 0;
      const copies: Uint8Array[] = [];
      const { output, writes } = outputUnderTest(() => ++count % every === 0);
      fill(output, () => {
        // What was written since the last time: read before its memory is used again.
        copies.push(...writes.splice(0).map((bytes) => bytes.slice()));
      });
      expectFrames(join(...copies));
    }
  });

  test("uses the same memory again once it may", () => {
    const { output, writes } = outputUnderTest(() => true);
    for (let i = 0; i < 3; i++) {
      encodePing(output, i);
      output.flush();
    }
    expect(new Set(writes.map(({ buffer }) => buffer)).size).toBe(1);
  });

  test("is one write up to 64 KiB", () => {
    const { output, writes } = outputUnderTest(() => true);
    for (let i = 0; i < 60; i++) encodeData(output, i * 2 + 1, new Uint8Array(1000), 0, 1000);
    output.flush();
    expect(writes.map(({ length }) => length)).toEqual([60 * 1009]);
  });
});

test("a transport that is backed up now and then takes no new memory each time", () => {
  let free = true;
  const { output, writes } = outputUnderTest(() => free);
  const piece = new Uint8Array(16_000);
  for (let i = 0; i < 200; i++) {
    free = i % 2 === 1;
    for (let frame = 0; frame < 5; frame++) encodeData(output, 1, piece, 0, piece.length);
    output.flush();
  }
  expect(new Set(writes.map(({ buffer }) => buffer)).size).toBeLessThan(12);
});
