import { expect, test } from "vitest";
import { normalPath } from "./normal-path.ts";

test.each([
  ["/shop.Orders/List", "/shop.Orders/List"],
  ["/a/.hidden/..b/c.", "/a/.hidden/..b/c."],
  ["/v1/%62ooks", "/v1/books"],
  ["/%7Euser/%2D%2e%5F", "/~user/-._"],
  ["/caf%c3%a9", "/caf%C3%A9"],
  ["/x/../admin", "/admin"],
  ["/./admin", "/admin"],
  ["/x/%2e%2E/admin", "/admin"],
  ["/x\\..\\admin", "/admin"],
  ["/a/.", "/a/"],
  ["/a/..", "/"],
  ["/a/b/..", "/a/"],
  ["/../../admin", "/admin"],
  ["/..", "/"],
  ["//..//x", "//x"],
  ["//admin//x", "//admin//x"],
  ["/admin%2fx", "/admin%2Fx"],
  ["/admin%5cx", "/admin%5Cx"],
  ["/100%/%zz/%4", "/100%/%zz/%4"],
  ["/%2561", "/%2561"],
  ["/a;b=%2e%2e;/c", "/a;b=..;/c"],
  ["/admin#/x?y", "/admin"],
  ["/%61?q=%61/../b#c", "/a?q=%61/../b#c"],
  ["/a?q=%61/../b", "/a?q=%61/../b"],
  ["*", "*"],
  ["", ""],
])("%s is %s", (target, normal) => {
  expect(normalPath(target)).toBe(normal);
  expect(normalPath(normal)).toBe(normal);
});

test("a path of many dot segments is read once", () => {
  expect(normalPath(`/${"a/../".repeat(10_000)}b`)).toBe("/b");
  expect(normalPath(`/${"%2e%2e/".repeat(10_000)}b`)).toBe("/b");
});
