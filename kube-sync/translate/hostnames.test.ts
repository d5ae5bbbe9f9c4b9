import { expect, test } from "vitest";
import { coveringHostnames, intersectHostnames } from "./hostnames.ts";

test.each([
  ["", [], [""]],
  ["", ["a.com"], ["a.com"]],
  ["a.com", [], ["a.com"]],
  ["a.com", ["a.com", "b.com"], ["a.com"]],
  ["a.com", ["b.com"], []],
  ["*.a.com", ["a.com"], []],
  ["*.a.com", ["x.a.com", "x.y.a.com", "xa.com"], ["x.a.com", "x.y.a.com"]],
  ["*.a.com", ["*.x.a.com"], ["*.x.a.com"]],
  ["*.x.a.com", ["*.a.com"], ["*.x.a.com"]],
  ["x.a.com", ["*.a.com", "*.com"], ["x.a.com"]],
  ["*.a.com", ["*.b.com"], []],
] as const)("a listener for %j and a route for %j share %j", (listener, route, common) => {
  expect(intersectHostnames(listener, route)).toEqual(common);
});

test("a hostname is covered by itself, by the wildcards above it, and by every host", () => {
  expect(coveringHostnames("a.b.com")).toEqual(["a.b.com", "*.b.com", "*.com", ""]);
  expect(coveringHostnames("*.b.com")).toEqual(["*.b.com", "*.com", ""]);
  expect(coveringHostnames("")).toEqual([""]);
});
