import { expect, test } from "vitest";
import { UsageError } from "../usage.ts";
import { parseTarget } from "./target.ts";

const none = { headers: [], method: undefined, authority: undefined, home: "edge.test:8443" };

test("a URL is asked for as it stands", () => {
  const head = parseTarget("http://A.test:8080/a%2Fb/../c?d=%20#e", none);
  expect(head).toMatchObject({ method: "GET", scheme: "http", authority: "A.test:8080", path: "/a%2Fb/../c?d=%20" });
  expect(parseTarget("https://a.test?b", none).path).toBe("/?b");
});

test.each(["a.b.Service/Method", "/a.b.Service/Method"])("%s is a gRPC call, to the edge that is asked", (target) => {
  const head = parseTarget(target, none);
  expect(head).toMatchObject({
    method: "POST",
    scheme: "https",
    authority: "edge.test:8443",
    path: "/a.b.Service/Method",
  });
  expect(head.fields.get("content-type")).toBe("application/grpc");
});

test("options give method, authority and headers", () => {
  const options = { ...none, headers: ["Env: one: two ", "a:"], method: "PUT", authority: "x.test" };
  const head = parseTarget("https://a.test/", options);
  expect(head).toMatchObject({ method: "PUT", authority: "x.test" });
  expect([...head.fields]).toEqual([
    ["env", "one: two"],
    ["a", ""],
  ]);
});

test("a header of the name host is the authority, as curl takes it", () => {
  const head = parseTarget("https://a.test/", { ...none, headers: ["Host: b.test"] });
  expect([head.authority, head.fields.size]).toEqual(["b.test", 0]);
});

test.each(["", "a", "a/b/c", "ftp://a/b", "a b/c"])("%j is neither URL nor method", (target) => {
  expect(() => parseTarget(target, none)).toThrow(UsageError);
});

test("a header has a colon", () => {
  expect(() => parseTarget("a/b", { ...none, headers: ["env"] })).toThrow("'NAME: VALUE'");
});
