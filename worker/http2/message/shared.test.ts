import { expect, test } from "vitest";
import { get, headers } from "../testing/frames.ts";
import { serverUnderTest, TestHandler } from "../testing/scripted-peer.ts";
import type { ParsedRequest } from "./parse.ts";
import { shared } from "./shared.ts";
import { Fields } from "../../call/fields.ts";

const head = { method: "GET", scheme: "https", authority: "a", path: "/", fields: Fields.from([["x", "1"]]) } as const;
const request = (change: Partial<ParsedRequest["head"]> = {}): ParsedRequest => ({
  kind: "request",
  head: { ...head, ...change },
  contentLength: -1,
});

test("a head that two connections send again and again is one object for both", () => {
  const heads = ["first", "second"].map(() => {
    const handler = new TestHandler();
    const { peer } = serverUnderTest(handler.handle);
    for (const id of [1, 3, 5, 7]) peer.send(headers(id, get("/shared"), { end: true }));
    return handler.requests.at(-1)!.request.head;
  });
  expect(heads[0]).toBe(heads[1]);
});

test("heads that differ in anything are not shared", () => {
  const one = shared(request());
  expect(shared(request())).toBe(one);
  const others = [
    { method: "POST" },
    { scheme: "http" },
    { authority: "b" },
    { path: "/b" },
    { fields: Fields.from([["x", "2"]]) },
  ] as const;
  for (const other of others) expect(shared(request(other)).head).toMatchObject(other);
  expect(shared({ ...request(), contentLength: 0 }).contentLength).toBe(0);
});

test("a head with a field that no table may hold stays its connection's own", () => {
  const secret = () => request({ fields: new Fields(["authorization", "me"], new Set(["authorization"])) });
  expect(shared(secret())).not.toBe(shared(secret()));
});

test("more heads than are kept drive out the first", () => {
  const first = shared(request({ path: "/first" }));
  for (let i = 0; i < 1024; i++) shared(request({ path: `/${i}` }));
  expect(shared(request({ path: "/first" }))).not.toBe(first);
});
