import { expect, test } from "vitest";
import { Fields } from "./call/fields.ts";
import type { RequestHead } from "./call/http.ts";
import { inspected } from "./inspect.ts";

const token = "the-token";

function head(fields: Record<string, string>): RequestHead {
  return {
    method: "POST",
    scheme: "http",
    authority: "a.test",
    path: "/a",
    fields: Fields.from(Object.entries(fields)),
  };
}

test("whoever has the token is told, and origins never see it", () => {
  const found = inspected(head({ a: "1", "x-edgeway-explain": token }), token);
  expect(found).toEqual(head({ a: "1" }));
});

test.each([
  ["https://b.test", "https", "b.test"],
  ["http://b.test:8080", "http", "b.test:8080"],
  ["b.test", "http", "b.test"],
])("a call may be for another host: %s", (host, scheme, authority) => {
  const found = inspected(head({ "x-edgeway-explain": token, "x-edgeway-host": host }), token);
  expect(found).toMatchObject({ scheme, authority });
  expect(found!.fields.size).toBe(0);
});

test.each([
  ["another token", { "x-edgeway-explain": "the-tokem", "x-edgeway-host": "b.test" }, token],
  ["a longer one", { "x-edgeway-explain": `${token}x` }, token],
  ["none", { "x-edgeway-host": "b.test" }, token],
  ["an empty one where there is no console", { "x-edgeway-explain": "" }, ""],
  ["one where there is no console", { "x-edgeway-explain": token }, undefined],
])("with %s it is a call like any other", (_, fields, expected) => {
  expect(inspected(head(fields), expected)).toBeUndefined();
});
