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

test("a set that is not there, or cannot be read, is asked for again", async () => {
  const { load, reads } = start({ broken: Uint8Array.of(0xff) });
  expect(await load("none")).toBeUndefined();
  expect(await load("none")).toBeUndefined();
  await expect(load("broken")).rejects.toThrow();
  await expect(load("broken")).rejects.toThrow();
  expect(reads).toEqual(["none", "none", "broken", "broken"]);
});

test("the least recently used make room", async () => {
  // A field that is not known makes a set as large as need be: number 15, length-delimited, 1.5 MiB.
  const padding = new Uint8Array(1_572_864);
  const large = new Uint8Array([...libraryBytes, 0x7a, 0x80, 0x80, 0x60, ...padding]);
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

test("an edge that has the sets at hand compiles each once, and does without those that are none", () => {
  const sets = new Map([
    ["a", libraryBytes],
    ["broken", Uint8Array.of(0xff)],
  ]);
  const descriptors = descriptorsFrom((hash) => sets.get(hash));
  expect(descriptors("a")?.method("/library.Library/Get")).toBeDefined();
  expect(descriptors("a")).toBe(descriptors("a"));
  expect(descriptors("broken")).toBeUndefined();
  expect(descriptors("none")).toBeUndefined();
});
