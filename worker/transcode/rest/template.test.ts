import { expect, test } from "vitest";
import { parseTemplate } from "./template.ts";

test("variables stand for one segment, or for those of their pattern", () => {
  expect(parseTemplate("/v1/{name=shelves/*/books/*}/pages/{page}:read")).toEqual({
    segments: ["v1", "shelves", "*", "books", "*", "pages", "*"],
    variables: [
      { fieldPath: ["name"], start: 1, end: 5 },
      { fieldPath: ["page"], start: 6, end: 7 },
    ],
    verb: "read",
  });
  expect(parseTemplate("/{a.b.c=**}")).toEqual({
    segments: ["**"],
    variables: [{ fieldPath: ["a", "b", "c"], start: 0, end: 1 }],
    verb: "",
  });
  expect(parseTemplate("/v1/*/x")?.segments).toEqual(["v1", "*", "x"]);
});

test.each(["", "v1", "/", "/v1//x", "/v1/", "/**/x", "/{a=**}/x", "/{a", "/a}", "/{}", "/{a={b}}", "/a*", "/x{a}"])(
  "%j is no template",
  (text) => expect(parseTemplate(text)).toBeUndefined(),
);

test("a template has 128 segments at most, however they are written", () => {
  expect(parseTemplate("/a".repeat(128))?.segments).toHaveLength(128);
  expect(parseTemplate("/a".repeat(129))).toBeUndefined();
  expect(parseTemplate(`/x/{name=${"*/".repeat(127)}*}`)).toBeUndefined();
  expect(parseTemplate("/{name}".repeat(129))).toBeUndefined();
});
