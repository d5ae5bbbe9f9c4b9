import { expect, it } from "vitest";
import type { Filter } from "../../routes/model.ts";
import { rewrite } from "./rewrite.ts";

const matched = { kind: "prefix", path: "/a" } as const;
const target = { authority: "x.test", path: "/a/b?c=d" };
const headers: Filter = { kind: "requestHeaders", set: [], add: [], remove: [] };
const authority: Filter = { kind: "urlRewrite", authority: "y.test:80", path: undefined };
const path: Filter = { kind: "urlRewrite", authority: undefined, path: { kind: "prefix", path: "/x" } };
const otherPath: Filter = { kind: "urlRewrite", authority: undefined, path: { kind: "prefix", path: "/y" } };

it("leaves alone what no filter rewrites", () => {
  expect(rewrite(target, [headers], matched)).toEqual(target);
});

it("rewrites authority and path apart", () => {
  expect(rewrite(target, [authority], matched)).toEqual({ authority: "y.test:80", path: "/a/b?c=d" });
  expect(rewrite(target, [path], matched)).toEqual({ authority: "x.test", path: "/x/b?c=d" });
  expect(rewrite(target, [authority, path], matched)).toEqual({ authority: "y.test:80", path: "/x/b?c=d" });
});

it("lets a later rewrite, such as the backend's, replace the rule's", () => {
  expect(rewrite(target, [path, otherPath], matched).path).toBe("/y/b?c=d");
});
