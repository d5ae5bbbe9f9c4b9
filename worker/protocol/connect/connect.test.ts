import { expect, test } from "vitest";
import { CallError } from "../../call/error.ts";
import { Fields } from "../../call/fields.ts";
import { type Body, type HttpResponse, noBody } from "../../call/http.ts";
import { Code } from "../../call/status.ts";
import { envelope, envelopePrefix } from "../../wire/envelope.ts";
import { encodeStatus } from "../../wire/rpc-status.ts";
import type { RpcCaller } from "../caller.ts";
import { decodeRequest, encodeFailure, translateResponse } from "../index.ts";
import { maxMessageBytes } from "../limits.ts";
import { cut, join, seeded, TestSink, TestSource } from "../testing.ts";

const base = { contentType: "application/proto", codec: "proto", acceptEncoding: "br, gzip" };
const unary = { ...base, protocol: "connect-unary", compressed: false, contentLength: undefined } as const;
const get = { ...base, protocol: "connect-get", compressed: false, base64: false } as const;
const stream = { ...base, protocol: "connect-stream", contentType: "application/connect+proto" } as const;
const message = Uint8Array.from({ length: 50 }, (_, i) => i);
const text = new TextDecoder();

function originAnswer(bytes: Uint8Array, end: Fields | CallError, head: readonly string[] = [], seed = 1) {
  const body = new TestSource(cut(bytes, seeded(seed)), end, 8);
  return {
    response: { head: { status: 200, fields: new Fields(["content-type", "application/grpc", ...head]) }, body },
    body,
  };
}

/** The translation with its body read. */
function translated(caller: RpcCaller, response: HttpResponse) {
  const answers: HttpResponse[] = [];
  translateResponse(caller, response, (translation) => answers.push(translation));
  const [answer, ...others] = answers;
  if (answer === undefined || others.length > 0) throw new Error("expected one answer");
  const { head, body } = answer;
  return { status: head.status, fields: head.fields, sink: new TestSink(body) };
}

function json({ bytes }: { bytes: Uint8Array }): unknown {
  return JSON.parse(text.decode(bytes));
}

const ok = new Fields(["grpc-status", "0"]);

test("a unary message gets its prefix, wherever its body is cut, its length announced or not", () => {
  for (let seed = 0; seed < 30; seed++) {
    for (const contentLength of [undefined, message.length]) {
      const body = new TestSource(cut(message, seeded(seed)), Fields.empty, 10);
      const sink = new TestSink(decodeRequest({ ...unary, contentLength }, body));
      expect(sink.bytes).toEqual(envelope(0, message));
      expect(sink.ended).toBe(Fields.empty);
      expect(body.outstanding).toBe(0);
    }
  }
});

test("a message of announced length is passed on as it comes", () => {
  const body = new TestSource([message.slice(0, 20), message.slice(20)], Fields.empty);
  const sink = new TestSink(decodeRequest({ ...unary, contentLength: 50 }, body));
  expect(sink.chunks.map((chunk) => chunk.length)).toEqual([5, 20, 30]);
});

test("a compressed message is flagged, an empty body never", () => {
  for (const contentLength of [undefined, 50]) {
    const compressed = { ...unary, compressed: true, contentLength };
    expect(new TestSink(decodeRequest(compressed, new TestSource([message.slice()], Fields.empty))).bytes[0]).toBe(1);
  }
  for (const contentLength of [undefined, 0]) {
    const compressed = { ...unary, compressed: true, contentLength };
    expect(new TestSink(decodeRequest(compressed, noBody)).bytes).toEqual(new Uint8Array(5));
  }
});

test.each([49, 51])("a body of 50 bytes under a content-length of %d is an invalid argument", (contentLength) => {
  const body = new TestSource(cut(message, seeded(1)), Fields.empty);
  const sink = new TestSink(decodeRequest({ ...unary, contentLength }, body));
  expect(sink.error?.code).toBe(Code.INVALID_ARGUMENT);
  expect(body.cancelled).toBe(sink.error);
});

test("a message of unknown length is refused once it is too large", () => {
  const chunks = Array.from({ length: 17 }, () => new Uint8Array(maxMessageBytes / 16));
  const body = new TestSource(chunks, Fields.empty);
  const sink = new TestSink(decodeRequest(unary, body));
  expect(sink.error?.code).toBe(Code.RESOURCE_EXHAUSTED);
  expect(body.cancelled).toBe(sink.error);
});

test.each([
  ["%7B%22a%22%3A+%221%2b%22%7d", false, '{"a": "1+"}'],
  ["%00%ff", false, "\u0000\u00ff"],
  ["AP8", true, "\u0000\u00ff"],
  ["AP8%3D", true, "\u0000\u00ff"],
  ["-_-_", true, "\u00fb\u00ff\u00bf"],
  ["%2B/%2f%2b", true, "\u00fb\u00ff\u00fe"],
  ["", false, ""],
])("the message of a GET %j (base64: %j) is decoded", (coded, base64, latin1) => {
  const sink = new TestSink(decodeRequest({ ...get, message: coded, base64 }, noBody));
  expect(sink.bytes).toEqual(envelope(0, Uint8Array.from(Buffer.from(latin1, "latin1"))));
});

test("a stream's request body passes untouched", () => {
  const body: Body = new TestSource<Fields>([], Fields.empty);
  expect(decodeRequest(stream, body)).toBe(body);
});

test("a unary answer is its message, with metadata as headers and trailers as headers with a prefix", () => {
  for (let seed = 0; seed < 30; seed++) {
    const trailers = new Fields(["grpc-status", "0", "x-t", "1", "x-t", "2"]);
    const { response, body } = originAnswer(
      envelope(0, message),
      trailers,
      ["x-head", "h", "grpc-encoding", "gzip"],
      seed,
    );
    const { status, fields, sink } = translated(unary, response);
    expect(status).toBe(200);
    expect(fields.flat).toEqual([
      "content-type",
      "application/proto",
      "content-length",
      "50",
      "x-head",
      "h",
      "trailer-x-t",
      "1",
      "trailer-x-t",
      "2",
    ]);
    expect(sink.bytes).toEqual(message);
    expect(body.outstanding).toBe(0);
  }
});

test("a compressed answer says how, and names what the origin accepts", () => {
  const head = ["grpc-encoding", "gzip", "grpc-accept-encoding", "gzip,br"];
  const { fields } = translated(unary, originAnswer(envelope(1, message), ok, head).response);
  expect(fields.get("content-encoding")).toBe("gzip");
  expect(fields.get("accept-encoding")).toBe("gzip,br");
});

test("a unary error is JSON with its code's HTTP status, its details and its metadata", () => {
  const details = encodeStatus({ code: 5, message: "", details: [{ type: "a.B", value: Uint8Array.of(1) }] });
  const bin = Buffer.from(details).toString("base64");
  const end = new Fields(["grpc-status", "5", "grpc-message", "n%C3%B6", "grpc-status-details-bin", bin, "x-t", "1"]);
  for (const bytes of [new Uint8Array(0), envelope(0, message)]) {
    const { status, fields, sink } = translated(unary, originAnswer(bytes, end, ["x-head", "h"]).response);
    expect(status).toBe(404);
    expect(fields.get("content-type")).toBe("application/json");
    expect([fields.get("x-head"), fields.get("trailer-x-t")]).toEqual(["h", "1"]);
    expect(json(sink)).toEqual({ code: "not_found", message: "nö", details: [{ type: "a.B", value: "AQ" }] });
  }
});

test("Trailers-Only is a unary error with its metadata", () => {
  const fields = new Fields(["content-type", "application/grpc", "grpc-status", "16", "x-t", "1"]);
  const answer = translated({ ...get, message: "" }, { head: { status: 200, fields }, body: noBody });
  expect(answer.status).toBe(401);
  expect(answer.fields.get("trailer-x-t")).toBe("1");
  expect(json(answer.sink)).toEqual({ code: "unauthenticated" });
});

test.each([
  ["no message", new Uint8Array(0), [], Code.UNIMPLEMENTED, 501],
  ["two messages", join(envelope(0, message), envelope(0, message)), [], Code.UNIMPLEMENTED, 501],
  ["a compressed message without a compression", envelope(1, message), [], Code.INTERNAL, 500],
  ["half a message", envelope(0, message).subarray(0, 20), [], Code.INTERNAL, 500],
  ["a message announced as 4 GiB", envelopePrefix(0, 0xffffffff), [], Code.RESOURCE_EXHAUSTED, 429],
])("a unary call answered OK with %s is an error", (_, bytes, head, code, httpStatus) => {
  const { status, sink } = translated(unary, originAnswer(bytes, ok, head).response);
  expect(status).toBe(httpStatus);
  expect(json(sink)).toMatchObject({
    code: {
      [Code.UNIMPLEMENTED]: "unimplemented",
      [Code.INTERNAL]: "internal",
      [Code.RESOURCE_EXHAUSTED]: "resource_exhausted",
    }[code],
  });
});

test("an answer with too many messages is cancelled at the second", () => {
  const { response, body } = originAnswer(join(envelope(0, message), envelope(0, new Uint8Array(500))), ok);
  translated(unary, response);
  expect(body.cancelled?.code).toBe(Code.UNIMPLEMENTED);
});

test("a stream's messages pass, and its end says status and metadata, wherever the origin's chunks are cut", () => {
  for (let seed = 0; seed < 30; seed++) {
    const end = new Fields(["grpc-status", "1", "grpc-message", "stop", "x-t", "1", "x-t", "2"]);
    const head = ["grpc-encoding", "gzip", "grpc-accept-encoding", "gzip", "x-head", "h"];
    const messages = join(envelope(1, message), envelope(0, new Uint8Array(0)));
    const { response, body } = originAnswer(messages, end, head, seed);
    const { status, fields, sink } = translated(stream, response);
    expect(status).toBe(200);
    expect(fields.flat).toEqual([
      "content-type",
      "application/connect+proto",
      "connect-content-encoding",
      "gzip",
      "connect-accept-encoding",
      "gzip",
      "x-head",
      "h",
    ]);
    expect(sink.bytes.subarray(0, messages.length)).toEqual(messages);
    const last = sink.bytes.subarray(messages.length);
    expect([...last.subarray(0, 5)]).toEqual([2, 0, 0, 0, last.length - 5]);
    expect(json({ bytes: last.subarray(5) })).toEqual({
      error: { code: "canceled", message: "stop" },
      metadata: { "x-t": ["1", "2"] },
    });
    expect(sink.ended?.size).toBe(0);
    expect(body.outstanding).toBe(0);
  }
});

test("a stream that ends before it began has HTTP 200 and its error in its only message", () => {
  const fields = new Fields(["content-type", "application/grpc", "grpc-status", "5"]);
  const { status, sink } = translated(stream, { head: { status: 200, fields }, body: noBody });
  expect(status).toBe(200);
  expect(sink.bytes).toEqual(envelope(2, new TextEncoder().encode('{"error":{"code":"not_found"}}')));
});

test("a stream that breaks off within a message breaks off", () => {
  const sink = translated(stream, originAnswer(envelope(0, message).subarray(0, 9), ok).response).sink;
  expect(sink.error?.code).toBe(Code.INTERNAL);
});

test("an error of the edge's own has the HTTP status it asks for in a unary answer, and 200 in a stream", () => {
  const error = new CallError(Code.UNIMPLEMENTED, "no route", { side: "edge", httpStatus: 404 });
  const answer = encodeFailure(unary, error);
  expect(answer.head.status).toBe(404);
  expect(json(new TestSink(answer.body))).toEqual({ code: "unimplemented", message: "no route" });
  expect(encodeFailure(unary, new CallError(Code.CANCELLED, "", { side: "edge" })).head.status).toBe(499);
  expect(encodeFailure(stream, error).head.status).toBe(200);
});
