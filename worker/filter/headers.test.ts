import { expect, test } from "vitest";
import { Fields } from "../call/fields.ts";
import { type HeaderModifier, modifyAll, modifyHeaders } from "./headers.ts";

const fields = new Fields(["a", "1", "b", "2", "a", "3"], new Set(["b"]));
const modifier = (init: Partial<HeaderModifier>): HeaderModifier => ({ set: [], add: [], remove: [], ...init });

test("set puts one value in the place of all", () => {
  expect(modifyHeaders(fields, modifier({ set: [["a", "x"]] })).flat).toEqual(["b", "2", "a", "x"]);
});

test("set makes a field that was not there", () => {
  expect(modifyHeaders(fields, modifier({ set: [["c", "x"]] })).joined("c")).toBe("x");
});

test("add keeps what is there", () => {
  expect(modifyHeaders(fields, modifier({ add: [["a", "x"]] })).joined("a")).toBe("1, 3, x");
});

test("remove takes every value", () => {
  expect(modifyHeaders(fields, modifier({ remove: ["a"] })).flat).toEqual(["b", "2"]);
});

test("modifiers follow one another in their order", () => {
  const modifiers = [modifier({ set: [["a", "x"]] }), modifier({ remove: ["a"] }), modifier({ add: [["a", "y"]] })];
  expect(modifyAll(fields, modifiers).joined("a")).toBe("y");
});

test("the given fields stay as they are, and what must not be compressed stays so", () => {
  const modified = modifyHeaders(fields, modifier({ remove: ["a"] }));
  expect(fields.flat).toEqual(["a", "1", "b", "2", "a", "3"]);
  expect(modified.neverIndexed).toEqual(new Set(["b"]));
});
