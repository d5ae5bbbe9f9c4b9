import { describe, expect, it } from "vitest";
import { checkRegex, literalPrefix, Pattern, quote } from "./regex.ts";

function whole(text: string): Pattern {
  const pattern = Pattern.whole(text);
  if (typeof pattern === "string") throw new Error(pattern);
  return pattern;
}

function part(text: string): Pattern {
  const pattern = Pattern.part(text);
  if (typeof pattern === "string") throw new Error(pattern);
  return pattern;
}

describe("an expression", () => {
  it.each([
    ["/v[0-9]+/.*", "/v12/a", "/va/a"],
    ["a|bc", "bc", "b"],
    [String.raw`\d+$`, "123", "a123"],
    ["(?i)/Foo", "/fOO", "/fo"],
    ["", "", "a"],
    ["(?:.*;)?\\s*name=always\\s*(?:;.*)?", "a=b; name=always; c=d", "name=alwaysnot"],
  ])("%s matches the whole of %j, and not %j", (text, matching, other) => {
    expect(whole(text).matches(matching)).toBe(true);
    expect(whole(text).matches(other)).toBe(false);
  });

  it.each([
    ["(", "missing closing )"],
    ["(?=a)", "(?="],
    [String.raw`(a)\1`, "invalid escape sequence"],
    ["a".repeat(1025), "more than 1024 characters"],
    [".*a{1000}.*b{1000}", "too large"],
  ])("%.20s is refused with the reason", (text, reason) => {
    expect(checkRegex(text)).toContain(reason);
    expect(Pattern.part(text)).toContain(reason);
  });

  it("takes time linear in the value, where a backtracking one would take for ever", () => {
    expect(whole("(x+x+)+y").matches("x".repeat(8000))).toBe(false);
    expect(whole("(a|aa)*b").matches("a".repeat(8000))).toBe(false);
  });

  it("is frozen", () => {
    expect(Object.isFrozen(whole("a.c"))).toBe(true);
  });
});

describe("a literal with or without .* around it", () => {
  const values = ["", "/a", "/a/", "/a.b", "/axb", "x/a.b", "x/a.by", "/a.b\n", "\n/a.b", "a", "$", "/A.B"];

  it.each([
    "",
    ".*",
    "/a",
    "/a.*",
    ".*/a",
    ".*/a.*",
    "^/a/.*$",
    String.raw`/a\.b`,
    String.raw`.*/a\.b.*`,
    String.raw`\$`,
  ])("%s takes no machine, and matches what RE2 matches", (text) => {
    expect(whole(text).costly).toBe(false);
    const machine = whole(`(?:${text})`);
    expect(machine.costly).toBe(true);
    expect(values.filter((value) => whole(text).matches(value))).toEqual(
      values.filter((value) => machine.matches(value)),
    );
  });

  it.each(["/a.b", "a?", "a|b", "a+", ".+", "[a]", "(a)", "a{2}", String.raw`\d`, "(?i)a", "^*", "a$b"])(
    "%s is more than that",
    (text) => expect(Pattern.whole(text)).toMatchObject({ costly: true }),
  );

  it("is what quoting makes of any text", () => {
    for (const text of ["/a.b+c*(d)[e]{f}^$|\\?", "a\nb", "\u{1F600} é", "100%"]) {
      expect(whole(quote(text)).matches(text)).toBe(true);
      expect(whole(quote(text)).matches(`${text}x`)).toBe(false);
    }
    expect(whole(quote("/a.b+c*(d)[e]{f}^$|\\?")).costly).toBe(false);
  });
});

describe("replacing", () => {
  it.each([
    ["^/api/(.*)$", ["/new/", 1], "/api/foo", "/new/foo"],
    ["^/([^/]+)/([^/]+)$", ["/", 2, "/", 1], "/a/b", "/b/a"],
    ["a", [0, 0], "/a/a", "/aa/aa"],
    ["", ["-"], "ab", "-a-b-"],
    ["(x)?y", ["<", 1, ">"], "/yxy", "/<><x>"],
    ["z", ["!"], "/a", "/a"],
  ] as const)("%s by %j makes %s %s", (text, substitution, value, wanted) => {
    expect(part(text).replaceAll(value, substitution, 100)).toBe(wanted);
  });

  it("gives up beyond the limit", () => {
    expect(part("").replaceAll("a".repeat(1000), ["b".repeat(1000)], 10_000)).toBeUndefined();
    expect(part("a").replaceAll("abcde", ["x"], 4)).toBeUndefined();
    expect(part("a").replaceAll("abcde", ["x"], 5)).toBe("xbcde");
  });
});

describe("the literal prefix", () => {
  it.each([
    ["/a/b/.*", "/a/b"],
    ["/a/b", "/a/b"],
    ["^/a/b/$", "/a/b"],
    ["/a/b[0-9]+/.*", "/a"],
    ["/a/b?", "/a"],
    ["/a/?", "/"],
    ["/a/b*", "/a"],
    [String.raw`/a\.b/(x|y)`, "/a.b"],
    ["/a/[|(]/b", "/a"],
    ["/a(/.*)?", "/"],
    ["/a|/b", "/"],
    ["/a/(b)|/c", "/"],
    [String.raw`/a/\Q(\E|/b`, "/"],
    ["/a/[[:alpha:](]|/b", "/"],
    ["/a/[]|(]x|/b", "/"],
    ["(?i)/a/.*", "/"],
    ["a/b", "/"],
    [".*", "/"],
    ["", "/"],
  ])("of %s is %s", (regex, prefix) => expect(literalPrefix(regex)).toBe(prefix));
});
