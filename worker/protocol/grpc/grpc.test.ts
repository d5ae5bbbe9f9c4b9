import { expect, test } from "vitest";
import { CallError } from "../../call/error.ts";
import { Fields } from "../../call/fields.ts";
import { type HttpResponse, noBody } from "../../call/http.ts";
import { Code } from "../../call/status.ts";
import { encodeFailure, encodeRequest, translateResponse } from "../index.ts";
import { cut, seeded, TestSink, TestSource } from "../testing.ts";

const caller = {
  protocol: "grpc",
  contentType: "application/grpc+proto",
  codec: "proto",
  acceptEncoding: "gzip",
} as const;
const message = Uint8Array.of(0, 0, 0, 0, 2, 8, 1);

function originAnswer(head: Record<string, string>, trailers: Record<string, string> | CallError, bytes = message) {
  const end = trailers instanceof CallError ? trailers : Fields.from(Object.entries(trailers));
  const body = new TestSource(cut(bytes, seeded(3), 3), end);
  const fields = Fields.from(Object.entries({ "content-type": "application/grpc", ...head }));
  return { response: { head: { status: 200, fields }, body }, body };
}

function translated(response: HttpResponse): HttpResponse {
  let answer: HttpResponse | undefined;
  translateResponse(caller, response, (translation) => (answer = translation));
  if (answer === undefined) throw new Error("gRPC must be answered at once");
  return answer;
}

/** The status of an answer, wherever gRPC put it. */
function status(response: HttpResponse) {
  const fields = response.body === noBody ? response.head.fields : new TestSink(response.body).ended;
  return { code: Number(fields?.get("grpc-status")), message: fields?.get("grpc-message") };
}

test("a request to the origin has gRPC's fields, then the metadata as it came", () => {
  const head = {
    path: "/s/M",
    codec: "json",
    encoding: "gzip",
    acceptEncoding: "gzip,br",
    timeoutMs: 1500,
    metadata: new Fields(["x-a", "1", "user-agent", "me", "x-a", "2"]),
  };
  expect(encodeRequest(head, { scheme: "http", authority: "origin:50051" })).toEqual({
    method: "POST",
    scheme: "http",
    authority: "origin:50051",
    path: "/s/M",
    fields: new Fields([
      "te",
      "trailers",
      "content-type",
      "application/grpc+json",
      "grpc-timeout",
      "1500m",
      "grpc-encoding",
      "gzip",
      "grpc-accept-encoding",
      "gzip,br",
      "x-a",
      "1",
      "user-agent",
      "me",
      "x-a",
      "2",
    ]),
  });
});

test("no deadline, no compression: no field says anything about them", () => {
  const head = { path: "/s/M", codec: "proto", encoding: "identity", acceptEncoding: undefined, timeoutMs: undefined };
  const { fields } = encodeRequest({ ...head, metadata: Fields.empty }, { scheme: "https", authority: "o" });
  expect(fields.flat).toEqual(["te", "trailers", "content-type", "application/grpc"]);
});

test("an answer passes in the very chunks it came in, its head and trailers in the caller's terms", () => {
  const { response, body } = originAnswer(
    {
      "grpc-encoding": "gzip",
      "grpc-accept-encoding": "gzip",
      "x-head": "1",
      "content-length": "7",
      connection: "close",
    },
    { "grpc-status": "0", "x-trailer": "2", "key-bin": "AQI", "broken-bin": "?" },
  );
  const answer = translated(response);
  expect(answer.head).toEqual({
    status: 200,
    fields: new Fields([
      "content-type",
      "application/grpc+proto",
      "grpc-encoding",
      "gzip",
      "grpc-accept-encoding",
      "gzip",
      "x-head",
      "1",
    ]),
  });
  const sink = new TestSink(answer.body);
  expect(sink.chunks).toEqual(cut(message, seeded(3), 3));
  expect(sink.ended?.flat).toEqual(["grpc-status", "0", "x-trailer", "2", "key-bin", "AQI"]);
  expect(body.outstanding).toBe(0);
});

test("Trailers-Only stays one header block that ends the stream", () => {
  const fields = new Fields([
    "content-type",
    "application/grpc",
    "grpc-status",
    "5",
    "grpc-message",
    "no%20such",
    "x-a",
    "1",
  ]);
  const answer = translated({ head: { status: 200, fields }, body: noBody });
  expect(answer.body).toBe(noBody);
  expect(answer.head.fields.flat).toEqual([
    "content-type",
    "application/grpc+proto",
    "grpc-status",
    "5",
    "grpc-message",
    "no such",
    "x-a",
    "1",
  ]);
});

test("a status in the head counts when an empty body without trailers follows it", () => {
  const { response } = originAnswer({ "grpc-status": "9", "grpc-message": "early" }, {}, new Uint8Array(0));
  expect(status(translated(response))).toEqual({ code: Code.FAILED_PRECONDITION, message: "early" });
});

test("a status in the head is ignored when trailers have one", () => {
  const { response } = originAnswer({ "grpc-status": "8" }, { "grpc-status": "9" }, new Uint8Array(0));
  expect(status(translated(response)).code).toBe(Code.FAILED_PRECONDITION);
});

test("a status in the head is ignored when messages follow", () => {
  const { response } = originAnswer({ "grpc-status": "9" }, {});
  expect(status(translated(response)).code).toBe(Code.INTERNAL);
});

test("an answer without trailers is INTERNAL, one whose trailers have no status is UNKNOWN", () => {
  expect(status(translated(originAnswer({}, {}).response)).code).toBe(Code.INTERNAL);
  expect(status(translated(originAnswer({}, { "grpc-message": "x" }).response)).code).toBe(Code.UNKNOWN);
});

test.each([
  [400, Code.INTERNAL],
  [401, Code.UNAUTHENTICATED],
  [403, Code.PERMISSION_DENIED],
  [404, Code.UNIMPLEMENTED],
  [429, Code.UNAVAILABLE],
  [502, Code.UNAVAILABLE],
  [503, Code.UNAVAILABLE],
  [504, Code.UNAVAILABLE],
  [415, Code.UNKNOWN],
  [500, Code.UNKNOWN],
])("HTTP status %d without a grpc-status is code %d, and its body is not read", (httpStatus, code) => {
  const { response, body } = originAnswer({}, {});
  const answer = translated({ head: { ...response.head, status: httpStatus }, body });
  expect(status(answer)).toEqual({ code, message: `HTTP status ${httpStatus}` });
  expect(answer.head.status).toBe(200);
  expect(body.cancelled?.code).toBe(code);
});

test("a grpc-status counts whatever the HTTP status", () => {
  const fields = new Fields(["content-type", "text/html", "grpc-status", "7"]);
  expect(status(translated({ head: { status: 503, fields }, body: noBody })).code).toBe(Code.PERMISSION_DENIED);
});

test.each([
  ["image/jpeg", Code.UNKNOWN],
  ["application/grpc-web", Code.UNKNOWN],
  ["application/grpc+json", Code.INTERNAL],
])("an answer of type %s is code %d", (contentType, code) => {
  expect(status(translated(originAnswer({ "content-type": contentType }, { "grpc-status": "0" }).response)).code).toBe(
    code,
  );
});

test("an origin that breaks off becomes a status in the trailers", () => {
  const error = new CallError(Code.UNAVAILABLE, "connection lost", { side: "origin" });
  expect(status(translated(originAnswer({}, error).response))).toEqual({ code: 14, message: "connection lost" });
});

test("a caller who cancels cancels the origin's body", () => {
  const { response, body } = originAnswer({}, {});
  const error = new CallError(Code.CANCELLED, "gone", { side: "caller" });
  translated(response).body.cancel(error);
  expect(body.cancelled).toBe(error);
});

test("an error of the edge's own is Trailers-Only with HTTP 200 and a percent-coded message", () => {
  const error = new CallError(Code.UNIMPLEMENTED, "no route für it", { side: "edge", httpStatus: 404 });
  const answer = encodeFailure(caller, error);
  expect(answer.body).toBe(noBody);
  expect(answer.head).toEqual({
    status: 200,
    fields: new Fields([
      "content-type",
      "application/grpc+proto",
      "grpc-status",
      "12",
      "grpc-message",
      "no route f%C3%BCr it",
    ]),
  });
});
