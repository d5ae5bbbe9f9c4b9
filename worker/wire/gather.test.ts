import { expect, test } from "vitest";
import { Gatherer } from "./gather.ts";

test("pieces become one message, though each is overwritten after it was given", () => {
  const gatherer = new Gatherer();
  const expected: number[] = [];
  for (let i = 0; i < 50; i++) {
    const piece = new Uint8Array(i).fill(i);
    expected.push(...piece);
    gatherer.add(piece);
    piece.fill(0xee);
  }
  expect(gatherer.length).toBe(expected.length);
  expect([...gatherer.take()]).toEqual(expected);
  expect(gatherer.length).toBe(0);
  gatherer.add(Uint8Array.of(1));
  expect([...gatherer.take()]).toEqual([1]);
});
