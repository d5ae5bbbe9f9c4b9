import { gunzipSync, gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { CallError } from "../call/error.ts";
import { Fields } from "../call/fields.ts";
import { type HttpResponse, noBody, type RequestHead } from "../call/http.ts";
import type { RpcEnd, RpcResponse } from "../call/rpc.ts";
import { Code } from "../call/status.ts";
import { envelope } from "../wire/envelope.ts";
import { decodeStatus, encodeStatus } from "../wire/rpc-status.ts";
import { decodeAnswer, encodeCall, encodeMessages, type OriginCall, passesAsItIs } from "./origin.ts";
import { cut, join, seeded, TestSink, TestSource } from "./testing.ts";

const utf8 = new TextEncoder();
const one = envelope(0, utf8.encode("one"));
const two = envelope(0, utf8.encode("two"));

function grpcHead(...flat: string[]): RequestHead {
  const fields = new Fields(["te", "trailers", "content-type", "application/grpc", ...flat]);
  return { method: "POST", scheme: "https", authority: "a.test", path: "/a.B/C", fields };
}

function answer(status: number, fields: Record<string, string>, body: Uint8Array | undefined, seed = 1): HttpResponse {
  const source = body && new TestSource(cut(body, seeded(seed)), Fields.empty, 8);
  return { head: { status, fields: Fields.from(Object.entries(fields)) }, body: source ?? noBody };
}

interface Decoded {
  readonly head: RpcResponse["head"];
  readonly bytes: Uint8Array;
  readonly end: RpcEnd | undefined;
  readonly error: CallError | undefined;
}

async function decode(origin: OriginCall, response: HttpResponse): Promise<Decoded> {
  const { head, messages } = decodeAnswer(origin, response, "proto");
  const sink = new TestSink(messages);
  while (!sink.over) await new Promise((resolve) => setImmediate(resolve));
  return { head, bytes: sink.bytes, end: sink.ended, error: sink.error };
}

const web = { "content-type": "application/grpc-web+proto" };
const trailers = (text: string, flags = 0x80) => envelope(flags, utf8.encode(text));
const stream = { "content-type": "application/connect+proto" };
const endStream = (json: unknown) => envelope(2, utf8.encode(JSON.stringify(json)));

test("a call to a gRPC origin stays as it is", () => {
  const head = grpcHead("x-id", "7");
  expect(encodeCall("grpc", head)).toBe(head);
  const messages = new TestSource<Fields>([], Fields.empty);
  expect(encodeMessages("grpc", messages, "identity")).toBe(messages);
});

test.each([
  [
    "grpc-web",
    "application/grpc-web+proto",
    { "x-grpc-web": "1", "grpc-timeout": "1500m", "grpc-encoding": "gzip", "grpc-accept-encoding": "gzip,br" },
  ],
  [
    "connect-unary",
    "application/proto",
    {
      "connect-protocol-version": "1",
      "connect-timeout-ms": "1500",
      "content-encoding": "gzip",
      "accept-encoding": "gzip,br",
    },
  ],
  [
    "connect-stream",
    "application/connect+proto",
    {
      "connect-protocol-version": "1",
      "connect-timeout-ms": "1500",
      "connect-content-encoding": "gzip",
      "connect-accept-encoding": "gzip,br",
    },
  ],
] as const)("the head of a call in %s", (origin, contentType, fields) => {
  const timing = ["grpc-timeout", "1500m", "grpc-encoding", "gzip", "grpc-accept-encoding", "gzip,br"];
  const head = encodeCall(origin, grpcHead(...timing, "x-id", "7", "x-bin", "AQI"));
  expect(head).toMatchObject({ method: "POST", scheme: "https", authority: "a.test", path: "/a.B/C" });
  expect(Object.fromEntries(head.fields)).toEqual({
    "content-type": contentType,
    ...fields,
    "x-id": "7",
    "x-bin": "AQI",
  });
});

test("Connect's unary callers and plain HTTP pass to an origin of Connect as they are, others do not", () => {
  const passes = (protocol: string) => passesAsItIs("connect", { protocol } as never);
  expect(["connect-unary", "connect-get", "http"].every(passes)).toBe(true);
  expect(["grpc", "grpc-web", "grpc-web-text", "connect-stream"].some(passes)).toBe(false);
  expect(passesAsItIs("grpc-web", { protocol: "connect-unary" } as never)).toBe(false);
});

async function unaryBody(encoding: string, ...messages: Uint8Array[]): Promise<TestSink<Fields>> {
  const source = new TestSource<Fields>(cut(join(...messages), seeded(3)), Fields.empty, 8);
  const sink = new TestSink(encodeMessages("connect-unary", source, encoding));
  while (!sink.over) await new Promise((resolve) => setImmediate(resolve));
  return sink;
}

test("a unary call in Connect is its message alone, compressed if the head says so", async () => {
  expect((await unaryBody("identity", one)).bytes).toEqual(utf8.encode("one"));
  expect((await unaryBody("identity", envelope(0, new Uint8Array(0)))).ended).toBe(Fields.empty);
  const gzipped = new Uint8Array(gzipSync("one"));
  expect((await unaryBody("gzip", envelope(1, gzipped))).bytes).toEqual(gzipped);
  expect(gunzipSync((await unaryBody("gzip", one)).bytes).toString()).toBe("one");
  // The origin will say that it does not know it.
  expect((await unaryBody("rot13", envelope(1, utf8.encode("bar")))).bytes).toEqual(utf8.encode("bar"));
});

test.each([
  ["several messages", "identity", Code.UNIMPLEMENTED, [one, two]],
  ["no message", "identity", Code.UNIMPLEMENTED, []],
  ["half a message", "identity", Code.INVALID_ARGUMENT, [one.subarray(0, 7)]],
  ["a message compressed in no way", "identity", Code.INTERNAL, [envelope(1, utf8.encode("x"))]],
])("a unary call of %s is refused", async (_, encoding, code, messages) => {
  expect((await unaryBody(encoding, ...messages)).error?.code).toBe(code);
});

test("gRPC-Web: the last frame is the end, wherever the body is cut, in any case and compressed or not", async () => {
  const text = "grpc-status: 5\r\nGrpc-Message: no%20way\r\nX-A: 1\r\n";
  const gzipped = envelope(0x81, gzipSync(text));
  for (let seed = 0; seed < 20; seed++) {
    for (const last of [trailers(text), gzipped]) {
      const fields = { ...web, "grpc-encoding": "gzip", before: "0" };
      // oxlint-disable-next-line no-await-in-loop
      const { head, bytes, end } = await decode("grpc-web", answer(200, fields, join(one, two, last), seed));
      expect(head).toMatchObject({ codec: "proto", encoding: "gzip" });
      expect(head?.metadata.flat).toEqual(["before", "0"]);
      expect(bytes).toEqual(join(one, two));
      expect(end).toMatchObject({ code: Code.NOT_FOUND, message: "no way" });
      expect(end?.metadata.flat).toEqual(["x-a", "1"]);
    }
  }
});

test("gRPC-Web: a status among the header fields is the end of an answer with nothing else", async () => {
  const fields = { ...web, "grpc-status": "9", "grpc-message": "later", "x-a": "1" };
  for (const body of [undefined, new Uint8Array(0)]) {
    // oxlint-disable-next-line no-await-in-loop
    const { end } = await decode("grpc-web", answer(200, fields, body));
    expect(end).toMatchObject({ code: Code.FAILED_PRECONDITION, message: "later" });
  }
  const { end } = await decode("grpc-web", answer(200, fields, join(one, trailers("grpc-status:0\r\n"))));
  expect(end?.code).toBe(Code.OK);
});

test.each<[name: string, origin: OriginCall, fields: Record<string, string>, body: Uint8Array, code: Code]>([
  ["gRPC-Web without an end", "grpc-web", web, one, Code.INTERNAL],
  ["gRPC-Web cut off", "grpc-web", web, one.subarray(0, 7), Code.INTERNAL],
  ["gRPC-Web beyond its end", "grpc-web", web, join(trailers("grpc-status:0"), one), Code.INTERNAL],
  ["gRPC-Web with an end of no status", "grpc-web", web, trailers("x-a:1"), Code.INTERNAL],
  ["gRPC-Web with an end compressed in no way", "grpc-web", web, trailers("grpc-status:0", 0x81), Code.INTERNAL],
  ["an endless end", "grpc-web", web, envelope(0x80, new Uint8Array(70_000)), Code.RESOURCE_EXHAUSTED],
  ["another codec", "grpc-web", { "content-type": "application/grpc-web+json" }, one, Code.INTERNAL],
  ["another type", "grpc-web", { "content-type": "text/html" }, one, Code.UNKNOWN],
  ["a Connect stream without an end", "connect-stream", stream, one, Code.INTERNAL],
  ["a Connect stream whose end is no JSON", "connect-stream", stream, envelope(2, one), Code.INTERNAL],
  ["a unary answer of another type", "connect-unary", { "content-type": "text/html" }, one, Code.UNKNOWN],
  ["a unary answer of another codec", "connect-unary", { "content-type": "application/json" }, one, Code.INTERNAL],
  [
    "a unary answer shorter than it says",
    "connect-unary",
    { "content-type": "application/proto", "content-length": "9" },
    utf8.encode("one"),
    Code.INTERNAL,
  ],
])("%s fails", async (_, origin, fields, body, code) => {
  const { error } = await decode(origin, answer(200, fields, body));
  expect(error).toMatchObject({ code, side: "origin" });
});

test.each(["grpc-web", "connect-stream", "connect-unary"] as const)(
  "%s: an HTTP status that is none of the protocol's stands for a code",
  async (origin) => {
    const html = { "content-type": "text/html" };
    expect((await decode(origin, answer(503, html, one))).error?.code).toBe(Code.UNAVAILABLE);
    expect((await decode(origin, answer(404, html, undefined))).error?.code).toBe(Code.UNIMPLEMENTED);
  },
);

test("a Connect stream's end has its error and metadata; what could be no field is left out", async () => {
  const error = { code: "not_found", message: "gone", details: [{ type: "a.B", value: "/w", debug: {} }, 7] };
  const metadata = { "X-A": ["1", "2"], "x b": ["3"], ":status": ["4"], "x-c": ["a\r\nb", 5], "content-type": ["6"] };
  const body = join(one, endStream({ error, metadata }));
  const { bytes, end } = await decode("connect-stream", answer(200, { ...stream, before: "0" }, body));
  expect(bytes).toEqual(one);
  expect(end).toMatchObject({ code: Code.NOT_FOUND, message: "gone" });
  expect(decodeStatus(end!.details!)).toEqual({
    code: 5,
    message: "gone",
    details: [{ type: "a.B", value: Uint8Array.of(255) }],
  });
  expect(end?.metadata.flat).toEqual(["x-a", "1", "x-a", "2"]);
});

test("a Connect stream may end well, or with an error of no known code", async () => {
  expect((await decode("connect-stream", answer(200, stream, endStream({})))).end?.code).toBe(Code.OK);
  const odd = endStream({ error: { code: "teapot", message: "short and stout" } });
  expect((await decode("connect-stream", answer(200, stream, odd))).end).toMatchObject({
    code: Code.UNKNOWN,
    message: "short and stout",
  });
});

test("a unary answer is one message, with or without its length, and trailers among the header fields", async () => {
  const message = utf8.encode("one");
  const fields = { "content-type": "application/proto", before: "0", "trailer-after": "1" };
  for (const length of [{}, { "content-length": "3" }] as Record<string, string>[]) {
    // oxlint-disable-next-line no-await-in-loop
    const { head, bytes, end } = await decode("connect-unary", answer(200, { ...fields, ...length }, message));
    expect(bytes).toEqual(one);
    expect(head?.metadata.flat).toEqual(["before", "0"]);
    expect(end).toMatchObject({ code: Code.OK, metadata: new Fields(["after", "1"]) });
  }
  const gzipped = new Uint8Array(gzipSync(message));
  const compressed = await decode("connect-unary", answer(200, { ...fields, "content-encoding": "gzip" }, gzipped));
  expect(compressed.head?.encoding).toBe("gzip");
  expect(compressed.bytes).toEqual(envelope(1, gzipped));
});

test("whoever asks is told how a call ended where the body says it, and may change it", async () => {
  const ended: number[] = [];
  const end = (response: HttpResponse): Promise<Decoded> => {
    const { head, messages } = decodeAnswer("grpc-web", response, "proto", {
      ended: (told) => {
        ended.push(told.code);
        return { ...told, message: "changed" };
      },
    });
    const sink = new TestSink(messages);
    return Promise.resolve({ head, bytes: sink.bytes, end: sink.ended, error: sink.error });
  };
  expect((await end(answer(200, web, trailers("grpc-status:5")))).end?.message).toBe("changed");
  await end(answer(503, { "content-type": "text/html" }, undefined));
  await end(answer(200, web, one));
  expect(ended).toEqual([Code.NOT_FOUND, Code.UNAVAILABLE, Code.INTERNAL]);
});

test("a unary error says its code, or else its HTTP status does", async () => {
  const fields = { "content-type": "application/json", "trailer-after": "1" };
  const error = utf8.encode('{"code":"aborted","message":"try again"}');
  const said = await decode("connect-unary", answer(409, fields, error));
  expect(said.end).toMatchObject({ code: Code.ABORTED, message: "try again", metadata: new Fields(["after", "1"]) });
  const gzipped = answer(409, { ...fields, "content-encoding": "gzip" }, gzipSync(error));
  expect((await decode("connect-unary", gzipped)).end).toMatchObject({ code: Code.ABORTED, message: "try again" });
  const unsaid = await decode("connect-unary", answer(401, fields, utf8.encode('{"message":"who?"}')));
  expect(unsaid.end).toMatchObject({ code: Code.UNAUTHENTICATED, message: "who?" });
  for (const body of [utf8.encode("<html>"), new Uint8Array(70_000)]) {
    // oxlint-disable-next-line no-await-in-loop
    const { error: failure } = await decode("connect-unary", answer(503, fields, body));
    expect(failure).toMatchObject({ code: Code.UNAVAILABLE, message: "HTTP status 503" });
  }
});

test("the status that an error brings is what its details are wrapped in", async () => {
  const details = [{ type: "a.B", value: Buffer.from([1]).toString("base64") }];
  const body = utf8.encode(JSON.stringify({ code: "internal", message: "m", details }));
  const { end } = await decode("connect-unary", answer(500, { "content-type": "application/json" }, body));
  const status = { code: 13, message: "m", details: [{ type: "a.B", value: Uint8Array.of(1) }] };
  expect(end?.details).toEqual(encodeStatus(status));
});

test.each(["grpc-web", "connect-unary", "connect-stream"] as const)(
  "whatever an origin of %s sends, its answer ends once and everything is paid for",
  async (origin) => {
    for (let seed = 0; seed < 1500; seed++) {
      const random = seeded(seed);
      const pick = <T>(...choices: readonly T[]): T => choices[Math.floor(random() * choices.length)]!;
      const noise = Uint8Array.from({ length: Math.floor(random() * 40) }, () => Math.floor(random() * 256));
      const last = pick(
        trailers("grpc-status:0"),
        trailers("x"),
        endStream({}),
        endStream([]),
        envelope(3, noise),
        noise,
      );
      const lost = new CallError(Code.UNAVAILABLE, "lost", { side: "origin" });
      const body = new TestSource<Fields>(
        cut(join(pick(one, noise), last, pick(noise, new Uint8Array(0))), random),
        pick<Fields | CallError>(Fields.empty, lost),
        16,
      );
      const type = pick(
        "application/grpc-web+proto",
        "application/connect+proto",
        "application/proto",
        "application/json",
      );
      const flat = ["content-type", type, "content-length", String(Math.floor(random() * 50)), "trailer-x-bin", "?"];
      const head = { status: pick(200, 200, 404), fields: new Fields(flat) };
      // oxlint-disable-next-line no-await-in-loop
      const { end, error } = await decode(origin, { head, body });
      expect(end === undefined).not.toBe(error === undefined);
      if (body.cancelled === undefined) expect(body.outstanding).toBe(0);
    }
  },
);
