import { expect, test } from "vitest";
import { DescriptorCache, descriptorsFrom } from "./cache.ts";
import { libraryBytes } from "./library.fixture.ts";

function start(sets: Readonly<Record<string, Uint8Array>>) {
  const reads: string[] = [];
  const cache = new DescriptorCache();
  const load = (hash: string) =>
    cache.load(hash, (wanted) => {
      reads.push(wanted);
      return Promise.resolve(sets[wanted]);
    });
  return { load, reads };
}

test("a set is read once, also for those who ask while it is read", async () => {
  const { load, reads } = start({ a: libraryBytes });
  const [first, second] = await Promise.all([load("a"), load("a")]);
  expect(first?.method("/library.Library/Get")).toBeDefined();
  expect(second).toBe(first);
  expect(await load("a")).toBe(first);
  expect(reads).toEqual(["a"]);
});

test("a set that is not there is asked for again", async () => {
  const { load, reads } = start({});
  expect(await load("none")).toBeUndefined();
  expect(await load("none")).toBeUndefined();
  expect(reads).toEqual(["none", "none"]);
});

test("a set that cannot be read is read once, as no set of its hash ever can", async () => {
  const { load, reads } = start({ broken: Uint8Array.of(0xff) });
  await expect(load("broken")).rejects.toThrow();
  await expect(load("broken")).rejects.toThrow();
  expect(reads).toEqual(["broken"]);
});

test("a set that could not be asked for is asked for again", async () => {
  const cache = new DescriptorCache();
  await expect(cache.load("a", () => Promise.reject(new Error("away")))).rejects.toThrow("away");
  expect(await cache.load("a", () => Promise.resolve(libraryBytes))).toBeDefined();
});

/** {@link libraryBytes} in 1.5 MiB: a field that is not known makes a set as large as need be, number 15, length-delimited. */
const large = new Uint8Array([...libraryBytes, 0x7a, 0x80, 0x80, 0x60, ...new Uint8Array(1_572_864)]);

test("the least recently used make room", async () => {
  const { load, reads } = start({ a: large, b: large, c: large });
  await load("a");
  await load("b");
  await load("a");
  await load("c");
  reads.length = 0;
  await load("a");
  await load("c");
  await load("b");
  expect(reads).toEqual(["b"]);
});

test("an edge that has the sets at hand reads each once, also those that are none, and more of them than a Worker keeps", () => {
  const hashes = Array.from({ length: 10 }, (_, i) => String(i));
  const sets = new Map<string, Uint8Array>([
    ["broken", Uint8Array.of(0xff)],
    ...hashes.map((hash) => [hash, large] as const),
  ]);
  const reads: string[] = [];
  const descriptors = descriptorsFrom((hash) => {
    reads.push(hash);
    return sets.get(hash);
  });
  for (let round = 0; round < 2; round++) {
    for (const hash of hashes) expect(descriptors(hash)?.method("/library.Library/Get")).toBeDefined();
    expect(descriptors("broken")).toBeUndefined();
  }
  expect(reads).toEqual([...hashes, "broken"]);
  expect(descriptors("none")).toBeUndefined();
  sets.set("none", libraryBytes);
  expect(descriptors("none")).toBeDefined();
});
