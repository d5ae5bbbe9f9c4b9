import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { expect, test } from "vitest";
import { TooLarge } from "../protocol/compression.ts";
import { zlibCompressions } from "./zlib-compressions.ts";

const compressors = { gzip: gzipSync, deflate: deflateSync, br: brotliCompressSync, zstd: zstdCompressSync };
const names = Object.keys(compressors) as (keyof typeof compressors)[];

test("gzip, deflate, brotli and Zstandard are there", () => {
  expect([...zlibCompressions.keys()]).toEqual(names);
});

test.each(names)("%s gives back what it was given, an empty message too", async (name) => {
  const compression = zlibCompressions.get(name)!;
  for (const message of [Uint8Array.from({ length: 70_000 }, (_, i) => i & 31), new Uint8Array(0)]) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    const compressed = await compression.compress(message);
    expect(compressed.length).toBeLessThan(Math.max(100, message.length / 10));
    // oxlint-disable-next-line no-await-in-loop
    expect(new Uint8Array(await compression.decompress(compressed, 100_000))).toEqual(message);
  }
});

test.each(names)("%s of zeros stops at what a message may have, and of noise is refused", async (name) => {
  const compression = zlibCompressions.get(name)!;
  const bomb = compressors[name](new Uint8Array(50_000_000));
  await expect(compression.decompress(bomb, 1_000_000)).rejects.toThrow(TooLarge);
  await expect(compression.decompress(Uint8Array.of(1, 2, 3, 4, 5, 6, 7), 1000)).rejects.toThrow();
  await expect(compression.decompress(bomb.subarray(0, 20), 100_000_000)).rejects.toThrow();
});
