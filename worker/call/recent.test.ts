import { expect, test } from "vitest";
import { Recent } from "./recent.ts";

test("what was made of an object is found by the object itself, until sixteen others came", () => {
  const recent = new Recent<object, number>();
  const keys = Array.from({ length: 17 }, () => ({}));
  for (const [i, key] of keys.slice(0, 16).entries()) expect(recent.set(key, i)).toBe(i);
  expect(keys.map((key) => recent.get(key))).toEqual([...Array(16).keys(), undefined]);
  recent.set(keys[16]!, 16);
  expect([recent.get(keys[0]!), recent.get(keys[1]!), recent.get(keys[16]!)]).toEqual([undefined, 1, 16]);
  expect(recent.get({})).toBeUndefined();
});
