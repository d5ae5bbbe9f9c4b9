import { expect, test } from "vitest";
import { DescriptorCache } from "./cache.ts";
import { libraryBytes } from "./library.fixture.ts";

function start(sets: Readonly<Record<string, Uint8Array>>) {
  const reads: string[] = [];
  const cache = new DescriptorCache((hash) => {
    reads.push(hash);
    return Promise.resolve(sets[hash]);
  });
  return { cache, reads };
}

test("a set is read once, also for those who ask while it is read", async () => {
  const { cache, reads } = start({ a: libraryBytes });
  const [first, second] = await Promise.all([cache.load("a"), cache.load("a")]);
  expect(first?.method("/library.Library/Get")).toBeDefined();
  expect(second).toBe(first);
  expect(await cache.load("a")).toBe(first);
  expect(reads).toEqual(["a"]);
});

test("a set that is not there, or cannot be read, is asked for again", async () => {
  const { cache, reads } = start({ broken: Uint8Array.of(0xff) });
  expect(await cache.load("none")).toBeUndefined();
  expect(await cache.load("none")).toBeUndefined();
  await expect(cache.load("broken")).rejects.toThrow();
  await expect(cache.load("broken")).rejects.toThrow();
  expect(reads).toEqual(["none", "none", "broken", "broken"]);
});

test("the least recently used make room", async () => {
  // A field that is not known makes a set as large as need be: number 15, length-delimited, 1.5 MiB.
  const padding = new Uint8Array(1_572_864);
  const large = new Uint8Array([...libraryBytes, 0x7a, 0x80, 0x80, 0x60, ...padding]);
  const { cache, reads } = start({ a: large, b: large, c: large });
  await cache.load("a");
  await cache.load("b");
  await cache.load("a");
  await cache.load("c");
  reads.length = 0;
  await cache.load("a");
  await cache.load("c");
  await cache.load("b");
  expect(reads).toEqual(["b"]);
});
