import { expect, test } from "vitest";
import { Backlog } from "./backlog.ts";

test("bytes leave in the order in which they came, in pieces of any size", () => {
  const backlog = new Backlog();
  const out: number[] = [];
  let next = 0;
  for (let round = 1; round < 200; round++) {
    const lent = Uint8Array.from({ length: round % 17 }, () => next++ & 255);
    backlog.push(lent);
    lent.fill(0xee);
    out.push(...backlog.take(Math.min(backlog.length, (round * 7) % 13)));
  }
  out.push(...backlog.take(backlog.length));
  expect(out).toEqual(Array.from({ length: next }, (_, i) => i & 255));
  expect(backlog.length).toBe(0);
});

test("what was taken stays what it is", () => {
  const backlog = new Backlog();
  backlog.push(Uint8Array.of(1, 2, 3, 4));
  const taken = backlog.take(2);
  for (let i = 0; i < 100; i++) {
    backlog.push(Uint8Array.of(9, 9, 9));
    backlog.take(3);
  }
  expect([...taken]).toEqual([1, 2]);
});

test("no more is shown than there is", () => {
  const backlog = new Backlog();
  backlog.push(Uint8Array.of(1, 2));
  expect([...backlog.peek(1)]).toEqual([1]);
  expect([...backlog.peek(5)]).toEqual([1, 2]);
  expect([...backlog.peek()]).toEqual([1, 2]);
});
