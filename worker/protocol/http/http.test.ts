import { expect, test } from "vitest";
import { CallError } from "../../call/error.ts";
import { Fields } from "../../call/fields.ts";
import { noBody } from "../../call/http.ts";
import { Code } from "../../call/status.ts";
import { decodeRequest, encodeFailure, passRequest, translateResponse } from "../index.ts";
import { TestSink, TestSource } from "../testing.ts";

const caller = { protocol: "http", bodiless: false } as const;

test("a request passes for the host the caller named, without the fields of its connection", () => {
  const fields = new Fields(["host", "a.test", "connection", "X-Hop", "x-hop", "1", "te", "trailers", "accept", "*/*"]);
  const head = { method: "GET", scheme: "https", authority: "a.test", path: "/p?q=1", fields } as const;
  expect(passRequest(head, "http")).toEqual({ ...head, scheme: "http", fields: new Fields(["accept", "*/*"]) });
});

test("bodies pass untouched in both directions", () => {
  const body = new TestSource<Fields>([], Fields.empty);
  expect(decodeRequest(caller, body)).toBe(body);
  const head = { status: 404, fields: new Fields(["content-type", "text/html", "grpc-status", "3"]) };
  translateResponse(caller, { head, body }, (answer) => expect(answer).toEqual({ head, body }));
  expect.assertions(2);
});

test("an error has its own HTTP status, or its code's", () => {
  const noRoute = new CallError(Code.UNIMPLEMENTED, "no route", { side: "edge", httpStatus: 404 });
  const answer = encodeFailure(caller, noRoute);
  expect(answer.head.status).toBe(404);
  expect(new TextDecoder().decode(new TestSink(answer.body).bytes)).toBe("no route\n");
  expect(answer.head.fields.get("content-length")).toBe("9");
  expect(encodeFailure(caller, new CallError(Code.UNAVAILABLE, "down", { side: "edge" })).head.status).toBe(503);
});

test("an answer to HEAD has no body", () => {
  const error = new CallError(Code.UNAVAILABLE, "down", { side: "edge" });
  expect(encodeFailure({ ...caller, bodiless: true }, error).body).toBe(noBody);
});

test("405 says what is allowed", () => {
  const error = new CallError(Code.UNKNOWN, "POST it", { side: "caller", httpStatus: 405 });
  expect(encodeFailure(caller, error).head.fields.get("allow")).toBe("POST");
});
