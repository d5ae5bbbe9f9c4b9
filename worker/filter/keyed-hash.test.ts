import { expect, test } from "vitest";
import { keyedHash, newSecret } from "./keyed-hash.ts";

test.each([
  [0, "218d1f59b9b83cc8"],
  [2, "064f39ef7c50eb57"],
  [4, "d5e78a175be52ea1"],
  [6, "ce3e91358aa2bc25"],
])("%i bytes have the hash that the reference gives them", (length, hash) => {
  const text = String.fromCharCode(...[0x0100, 0x0302, 0x0504].slice(0, length / 2));
  const expected = Buffer.from(hash, "hex").readBigUInt64LE() >> 11n;
  expect(keyedHash(text, [0x03020100, 0x07060504])).toBe(Number(expected));
});

test("a text has another hash in each process", () => {
  expect(keyedHash("a", newSecret())).not.toBe(keyedHash("a", newSecret()));
});
