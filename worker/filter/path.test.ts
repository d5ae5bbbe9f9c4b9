import { describe, expect, it } from "vitest";
import type { PathMatch } from "../../routes/model.ts";
import { Pattern, type Substitution } from "../../routes/regex.ts";
import { Code } from "../call/status.ts";
import { modifyPath } from "./path.ts";

const prefix = (path: string): PathMatch => ({ kind: "prefix", path });

function regex(text: string, ...substitution: Substitution) {
  const pattern = Pattern.part(text);
  if (typeof pattern === "string") throw new Error(pattern);
  return { kind: "regex", pattern, substitution } as const;
}

// The table of Gateway API's HTTPPathModifier; slashes at the ends of prefixes are gone since the table was decoded.
describe("replacing the prefix", () => {
  it.each([
    ["/foo/bar", "/foo", "/xyz", "/xyz/bar"],
    ["/foo", "/foo", "/xyz", "/xyz"],
    ["/foo/", "/foo", "/xyz", "/xyz/"],
    ["/foo/bar", "/foo", "", "/bar"],
    ["/foo/", "/foo", "", "/"],
    ["/foo", "/foo", "", "/"],
    ["/foo", "/", "/xyz", "/xyz/foo"],
    ["/", "/", "/xyz", "/xyz/"],
    ["/foo/bar?a=/foo", "/foo", "/xyz", "/xyz/bar?a=/foo"],
    ["/foo?a=1", "/foo", "", "/?a=1"],
  ])("of %s, %s by %j, makes %s", (path, matched, by, wanted) => {
    expect(modifyPath(path, { kind: "prefix", path: by }, prefix(matched))).toBe(wanted);
  });

  it("replaces all of an exact path, and a gRPC service", () => {
    const by = { kind: "prefix", path: "/x" } as const;
    expect(modifyPath("/a/b", by, { kind: "exact", path: "/a/b" })).toBe("/x");
    expect(modifyPath("/a.S/M", by, { kind: "service", service: "a.S" })).toBe("/x/M");
    expect(modifyPath("/a.S/M", by, { kind: "method", method: "M" })).toBe("/x/a.S/M");
  });
});

describe("replacing the path", () => {
  it("keeps the query", () => {
    expect(modifyPath("/a/b?c=d", { kind: "full", path: "/x" }, prefix("/a"))).toBe("/x?c=d");
  });
});

describe("replacing by an expression", () => {
  it.each([
    ["/service/foo/v1/api", regex("^/service/([^/]+)(/.*)$", 2, "/instance/", 1), "/v1/api/instance/foo"],
    ["/xxx/one/yyy/one/zzz", regex("one", "two"), "/xxx/two/yyy/two/zzz"],
    ["/aaa/XxX/bbb", regex("(?i)/xxx/", "/yyy/"), "/aaa/yyy/bbb"],
    ["/a?a=a", regex("a", "b"), "/b?a=a"],
    ["/a/b?c=d", regex("^/a/(.*)$", "/x?id=", 1), "/x?id=b&c=d"],
    ["/a", regex("^/(.*)$", 1), "/a"],
  ])("makes of %s by %j %s", (path, modifier, wanted) => {
    expect(modifyPath(path, modifier, prefix("/"))).toBe(wanted);
  });

  it("fails where little would become much", () => {
    const grow = regex("a", "x".repeat(1000));
    expect(() => modifyPath(`/${"a".repeat(100)}`, grow, prefix("/"))).toThrowError(
      expect.objectContaining({ code: Code.INTERNAL, side: "edge" }),
    );
  });
});
