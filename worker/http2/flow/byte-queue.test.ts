import { expect, test } from "vitest";
import { ByteQueue } from "./byte-queue.ts";

test("bytes come out in order, whatever sizes they went in and are asked for in", () => {
  const queue = new ByteQueue();
  let [put, taken] = [0, 0];
  for (let round = 0; round < 2000; round++) {
    const piece = Uint8Array.from({ length: (round * 37) % 300 }, () => put++);
    queue.push(piece, 0);
    for (let i = 0; i < round % 3; i++) {
      const next = queue.peek(1 + ((round * 13) % 500));
      if (next === undefined) break;
      for (const byte of next) expect(byte).toBe(taken++ & 255);
      queue.drop(next.length);
    }
    expect(queue.bytes).toBe(put - taken);
  }
});

test("a piece may be taken in part", () => {
  const queue = new ByteQueue();
  queue.push(Uint8Array.of(1, 2, 3, 4), 1);
  queue.drop(2);
  expect([...queue.peek(10)!]).toEqual([4]);
  queue.drop(1);
  expect(queue.peek(10)).toBeUndefined();
});

test("what is pushed is copied", () => {
  const queue = new ByteQueue();
  const bytes = Uint8Array.of(1);
  queue.push(bytes);
  bytes[0] = 2;
  expect([...queue.peek(1)!]).toEqual([1]);
});

test("many single bytes share a slab", () => {
  const queue = new ByteQueue();
  for (let i = 0; i < 1000; i++) queue.push(Uint8Array.of(i));
  expect(queue.peek(Infinity)!.length).toBe(1000);
});
