import { getEventListeners } from "node:events";
import { expect, test } from "vitest";
import type { CallError } from "../call/error.ts";
import { Fields } from "../call/fields.ts";
import { type Answer, type HttpResponse, noBody } from "../call/http.ts";
import { Code } from "../call/status.ts";
import { TestSource } from "../protocol/testing.ts";
import { headOf, respondWith, toResponse } from "./fetch.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

function response(status: number, type: string, ...chunks: string[]): HttpResponse {
  const body = chunks.length === 0 ? noBody : new TestSource(chunks.map(bytes), Fields.empty);
  return { head: { status, fields: new Fields(["content-type", type]) }, body };
}

test("a request's head is what the caller sent: host, path, query and every field but the host", () => {
  const request = new Request("http://edge.test/a%2Fb/c?x=%20&y", { headers: { host: "other.test", "X-One": "1" } });
  const { method, scheme, authority, path, fields } = headOf(request, "https");
  expect({ method, scheme, path }).toEqual({ method: "GET", scheme: "https", path: "/a%2Fb/c?x=%20&y" });
  expect(["edge.test", "other.test"]).toContain(authority);
  expect(fields.flat).toEqual(["x-one", "1"]);
});

test("a gRPC-Web answer is streamed even if it is all at hand, for Cloudflare wants no content-length", async () => {
  const answer = toResponse(response(200, "application/grpc-web+proto", "trailers"));
  expect(answer.headers.has("content-length")).toBe(false);
  const reader = answer.body!.getReader();
  expect(await reader.read()).toMatchObject({ value: bytes("trailers") });
  expect(await reader.read()).toMatchObject({ done: true });
});

test.each([204, 205, 304])("an answer of %i has no body, even if its origin said it may", (status) => {
  const { head } = response(status, "text/plain");
  const body = new TestSource<Fields>([bytes("no")], Fields.empty);
  const answer = toResponse({ head, body });
  expect(answer).toMatchObject({ status, body: null });
  expect(body.cancelled).toBeDefined();
});

test("an exchange's answer becomes the Response; its failure rejects", async () => {
  const leave = new AbortController();
  const start = (answer: Answer) => {
    answer.respond(response(200, "text/plain", "hello"));
    return () => {};
  };
  expect(await (await respondWith(start, leave.signal)).text()).toBe("hello");
  const failing = respondWith((answer) => {
    answer.fail(new Error("broken") as CallError);
    return () => {};
  }, leave.signal);
  await expect(failing).rejects.toThrow("broken");
});

test.each(["before", "after"])("a caller who leaves %s the exchange has begun cancels it", (when) => {
  const leave = new AbortController();
  const reasons: CallError[] = [];
  if (when === "before") leave.abort();
  void respondWith(() => (reason) => void reasons.push(reason), leave.signal);
  leave.abort();
  expect(reasons).toMatchObject([{ code: Code.CANCELLED, side: "caller" }]);
});

test("nothing of an exchange that is over listens to its caller's signal any more", async () => {
  const { signal } = new AbortController();
  const source = new TestSource<Fields>([], Fields.empty);
  const start = (answer: Answer) => {
    answer.respond({ head: { status: 200, fields: Fields.empty }, body: source });
    return () => {};
  };
  await (await respondWith(start, signal)).arrayBuffer();
  await respondWith(
    (answer) => start({ ...answer, respond: (all) => answer.respond({ ...all, body: noBody }) }),
    signal,
  );
  const fails = (answer: Answer) => {
    answer.fail(new Error("broken") as CallError);
    return () => {};
  };
  await expect(respondWith(fails, signal)).rejects.toThrow("broken");
  expect(getEventListeners(signal, "abort")).toEqual([]);
});

test("an answer with a field that the runtime refuses fails, and its origin is told to send no more", async () => {
  const { signal } = new AbortController();
  const body = new TestSource<Fields>([bytes("no")], Fields.empty);
  const start = (answer: Answer) => {
    answer.respond({ head: { status: 200, fields: new Fields(["x-note", "\u2192"]) }, body });
    return () => {};
  };
  await expect(respondWith(start, signal)).rejects.toMatchObject({ code: Code.INTERNAL, side: "origin" });
  expect(body.cancelled).toBeDefined();
});
