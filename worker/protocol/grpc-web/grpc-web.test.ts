import { expect, test } from "vitest";
import { CallError } from "../../call/error.ts";
import { Fields } from "../../call/fields.ts";
import { type HttpResponse, noBody } from "../../call/http.ts";
import { Code } from "../../call/status.ts";
import { Base64Decoder } from "../../wire/base64.ts";
import { EnvelopeSplitter } from "../../wire/envelope.ts";
import { decodeRequest, encodeFailure, translateResponse } from "../index.ts";
import { cut, join, seeded, TestSink, TestSource } from "../testing.ts";

const base = { codec: "proto", acceptEncoding: undefined };
const binary = { ...base, protocol: "grpc-web", contentType: "application/grpc-web+proto" } as const;
const text = { ...base, protocol: "grpc-web-text", contentType: "application/grpc-web-text" } as const;
const messages = join(
  Uint8Array.of(0, 0, 0, 0, 3, 1, 2, 3),
  Uint8Array.of(0, 0, 0, 0, 0),
  Uint8Array.of(0, 0, 0, 0, 1, 9),
);
const ascii = new TextEncoder();

function frame(block: string): Uint8Array {
  return join(Uint8Array.of(0x80, 0, 0, 0, block.length), ascii.encode(block));
}

function originAnswer(bytes: Uint8Array, end: Fields | CallError, seed = 1) {
  const body = new TestSource(cut(bytes, seeded(seed), 6), end, 8);
  const fields = new Fields(["content-type", "application/grpc", "x-head", "1"]);
  return { response: { head: { status: 200, fields }, body }, body };
}

function translated(caller: typeof binary | typeof text, response: HttpResponse): HttpResponse {
  let answer: HttpResponse | undefined;
  translateResponse(caller, response, (translation) => (answer = translation));
  if (answer === undefined) throw new Error("gRPC-Web must be answered at once");
  return answer;
}

/** The flags of every frame of a body. */
function frames(bytes: Uint8Array): number[] {
  const flags: number[] = [];
  const splitter = new EnvelopeSplitter({ begin: (flag) => flags.push(flag), piece() {}, complete() {} });
  splitter.push(bytes);
  expect(splitter.atBoundary).toBe(true);
  return flags;
}

test("messages pass as they are and one trailer frame follows, wherever the origin's chunks are cut", () => {
  for (let seed = 0; seed < 30; seed++) {
    const { response, body } = originAnswer(messages, new Fields(["grpc-status", "0", "x-t", "2"]), seed);
    const answer = translated(binary, response);
    expect(answer.head).toEqual({
      status: 200,
      fields: new Fields(["content-type", "application/grpc-web+proto", "x-head", "1"]),
    });
    const sink = new TestSink(answer.body);
    expect(sink.bytes).toEqual(join(messages, frame("grpc-status:0\r\nx-t:2\r\n")));
    expect(sink.ended?.size).toBe(0);
    expect(body.outstanding).toBe(0);
  }
});

test("text is the same in base64, decodable chunk by chunk", () => {
  for (let seed = 0; seed < 30; seed++) {
    const { response, body } = originAnswer(messages, new Fields(["grpc-status", "0"]), seed);
    const sink = new TestSink(translated(text, response).body);
    const decoder = new Base64Decoder();
    for (const chunk of sink.chunks) expect(chunk.length % 4).toBe(0);
    const decoded = join(...sink.chunks.map((chunk) => decoder.push(chunk)!));
    expect(decoded).toEqual(join(messages, frame("grpc-status:0\r\n")));
    expect(body.outstanding).toBe(0);
  }
});

test("Trailers-Only is ONE trailer frame in the body that holds the status, never headers only, never a second frame", () => {
  const fields = new Fields(["content-type", "application/grpc", "grpc-status", "7", "grpc-message", "no", "x-a", "1"]);
  const answer = translated(binary, { head: { status: 200, fields }, body: noBody });
  expect(answer.head.fields.flat).toEqual(["content-type", "application/grpc-web+proto"]);
  const { bytes } = new TestSink(answer.body);
  expect(bytes).toEqual(frame("grpc-status:7\r\ngrpc-message:no\r\nx-a:1\r\n"));
  expect(frames(bytes)).toEqual([0x80]);
});

test("a status in the head, followed by an empty body, is one trailer frame too", () => {
  const fields = new Fields(["content-type", "application/grpc", "grpc-status", "7"]);
  const body = new TestSource<Fields>([], Fields.empty);
  const { bytes } = new TestSink(translated(binary, { head: { status: 200, fields }, body }).body);
  expect(bytes).toEqual(frame("grpc-status:7\r\n"));
});

test("an answer of no messages and trailers is one trailer frame", () => {
  const { response } = originAnswer(new Uint8Array(0), new Fields(["grpc-status", "5"]));
  expect(frames(new TestSink(translated(binary, response).body).bytes)).toEqual([0x80]);
});

test("an origin that breaks off between messages becomes a trailer frame", () => {
  const { response } = originAnswer(messages, new CallError(Code.UNAVAILABLE, "lost", { side: "origin" }));
  const sink = new TestSink(translated(binary, response).body);
  expect(sink.bytes).toEqual(join(messages, frame("grpc-status:14\r\ngrpc-message:lost\r\n")));
});

test("an origin that breaks off within a message breaks the answer off: a trailer frame would be read as the message", () => {
  for (const end of [new Fields(["grpc-status", "0"]), new CallError(Code.UNAVAILABLE, "lost", { side: "origin" })]) {
    const sink = new TestSink(translated(binary, originAnswer(messages.subarray(0, 6), end).response).body);
    expect(sink.bytes).toEqual(messages.subarray(0, 6));
    expect(sink.error?.code).toBe(Code.INTERNAL);
  }
});

test("an error of the edge's own is HTTP 200 with one trailer frame", () => {
  const error = new CallError(Code.UNAVAILABLE, "down", { side: "edge", httpStatus: 500 });
  const answer = encodeFailure(binary, error);
  expect(answer.head.status).toBe(200);
  expect(new TestSink(answer.body).bytes).toEqual(frame("grpc-status:14\r\ngrpc-message:down\r\n"));
  const coded = Buffer.from(frame("grpc-status:14\r\ngrpc-message:down\r\n")).toString("base64");
  expect(Buffer.from(new TestSink(encodeFailure(text, error).body).bytes).toString()).toBe(coded);
});

test("a binary request body passes untouched: it is the same object", () => {
  const body = new TestSource<Fields>([], Fields.empty);
  expect(decodeRequest(binary, body)).toBe(body);
});

test("a text request body is decoded wherever it is cut, with credit for all of it", () => {
  for (let seed = 0; seed < 30; seed++) {
    const coded = ascii.encode(Buffer.from(messages).toString("base64"));
    const body = new TestSource(cut(coded, seeded(seed), 9), Fields.empty, 5);
    const sink = new TestSink(decodeRequest(text, body));
    expect(sink.bytes).toEqual(messages);
    expect(sink.ended).toBe(Fields.empty);
    expect(body.outstanding).toBe(0);
  }
});

test.each(["AAAA!AAA", "AAAAA"])(
  "a text request body of %j is an invalid argument, and no more of it is read",
  (coded) => {
    const body = new TestSource([ascii.encode(coded)], Fields.empty);
    const sink = new TestSink(decodeRequest(text, body));
    expect(sink.error?.code).toBe(Code.INVALID_ARGUMENT);
    expect(body.cancelled?.code).toBe(Code.INVALID_ARGUMENT);
  },
);
