import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { FieldDescriptorProto_Type, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { CallError } from "../call/error.ts";
import { Fields } from "../call/fields.ts";
import type { Body, HttpResponse, RequestHead } from "../call/http.ts";
import { noBody } from "../call/http.ts";
import { Code } from "../call/status.ts";
import { detect, encodeRequest, type OriginProtocol } from "../protocol/index.ts";
import { cut, join, seeded, TestSink, TestSource } from "../protocol/testing.ts";
import { encodeBase64 } from "../wire/base64.ts";
import { envelope } from "../wire/envelope.ts";
import { encodeStatus } from "../wire/rpc-status.ts";
import type { Conversation, PlannedCall, Refusal } from "./conversation.ts";
import { converse } from "./converse.ts";
import { Descriptors } from "./descriptors.ts";
import { libraryBytes, libraryDescriptors } from "./library.fixture.ts";
import { maxTranslatedBytes } from "./messages.ts";

const utf8 = new TextEncoder();
const text = new TextDecoder();
const book = libraryDescriptors.method("/library.Library/Get")!.input;

function binary(init: Record<string, unknown>): Uint8Array {
  return toBinary(book, create(book, init));
}

interface Asked {
  readonly method?: string;
  readonly path: string;
  readonly fields?: Readonly<Record<string, string>>;
  /** Undefined for a backend without descriptors. */
  readonly translated?: boolean;
  readonly orHttp?: boolean;
  readonly originProtocol?: OriginProtocol;
}

/** What a plan makes of a request to a gRPC backend. */
function planned({
  method = "POST",
  path,
  fields = {},
  translated = true,
  orHttp = false,
  originProtocol = "grpc",
}: Asked): PlannedCall {
  const head: RequestHead = {
    method,
    scheme: "https",
    authority: "a.test",
    path,
    fields: Fields.from(Object.entries(fields)),
  };
  const accepted = detect(head);
  if (accepted.kind === "refused") throw accepted.error;
  const rpc = accepted.kind === "rpc" ? accepted : translated ? undefined : accepted.orRpc;
  const translation = translated ? { descriptors: "hash", orHttp } : undefined;
  const common = { backend: "east/default/library:80", translation, originProtocol };
  if (rpc?.kind !== "rpc") return { caller: accepted.caller, head, timeoutMs: undefined, ...common };
  const target = { scheme: "http", authority: "a.test" } as const;
  return { caller: rpc.caller, head: encodeRequest(rpc.head, target), timeoutMs: rpc.head.timeoutMs, ...common };
}

function talk(asked: Asked): Conversation {
  const conversation = converse(planned(asked), libraryDescriptors);
  if (conversation.head === undefined) throw new Error(bodyOf(conversation.refusal));
  return conversation;
}

function refusalOf(asked: Asked): HttpResponse {
  return (converse(planned(asked), libraryDescriptors) as Refusal).refusal;
}

function bodyOf({ body }: HttpResponse): string {
  return text.decode(new TestSink(body).bytes);
}

const random = seeded(4);

function bodyWith(...chunks: readonly Uint8Array[]): TestSource<Fields> {
  return new TestSource(cut(join(...chunks), random), Fields.empty, 16);
}

/** The origin's answer, cut anywhere. */
function originAnswers(
  trailers: Record<string, string>,
  messages: readonly Uint8Array[],
  fields: Record<string, string> = {},
): HttpResponse {
  const head = {
    status: 200,
    fields: Fields.from(Object.entries({ "content-type": "application/grpc+proto", ...fields })),
  };
  const body = messages.map((message) => envelope(0, message));
  return { head, body: new TestSource(cut(join(...body), random), Fields.from(Object.entries(trailers)), 16) };
}

function answerOf(conversation: Conversation, response: HttpResponse): HttpResponse {
  let answer: HttpResponse | undefined;
  conversation.answer(
    response,
    (translated) => (answer = translated),
    (end) => end,
  );
  return answer!;
}

async function over<E>(sink: TestSink<E>): Promise<TestSink<E>> {
  while (!sink.over) await new Promise((resolve) => setImmediate(resolve));
  return sink;
}

const json = { "content-type": "application/json" };
const path = "/library.Library/Get";

test("a Connect call in JSON reaches the origin in protobuf, uncompressed and without asking for compression", () => {
  const fields = { ...json, "accept-encoding": "gzip", "connect-timeout-ms": "1500", "x-id": "7" };
  const conversation = talk({ path, fields });
  expect(conversation.timeoutMs).toBe(1500);
  expect(Object.fromEntries(conversation.head.fields)).toEqual({
    te: "trailers",
    "content-type": "application/grpc",
    "grpc-timeout": expect.any(String),
    "x-id": "7",
  });
  const sink = new TestSink(conversation.request(bodyWith(utf8.encode('{"bookTitle": "T", "pages": 3}'))));
  expect(sink.bytes).toEqual(envelope(0, binary({ bookTitle: "T", pages: 3 })));
  const answer = answerOf(conversation, originAnswers({ "grpc-status": "0", after: "x" }, [binary({ pages: 4 })]));
  expect(answer.head.status).toBe(200);
  expect(answer.head.fields.get("content-type")).toBe("application/json");
  expect(answer.head.fields.get("trailer-after")).toBe("x");
  expect(bodyOf(answer)).toBe('{"pages":4}');
});

test("a compressed request is decompressed first, and an unknown compression refused", async () => {
  const conversation = talk({ path, fields: { ...json, "content-encoding": "gzip" } });
  const sink = await over(new TestSink(conversation.request(bodyWith(gzipSync('{"name": "a"}')))));
  expect(sink.bytes).toEqual(envelope(0, binary({ name: "a" })));
  const refusal = refusalOf({ path, fields: { ...json, "content-encoding": "zstd" } });
  expect(JSON.parse(bodyOf(refusal))).toMatchObject({
    code: "unimplemented",
    message: expect.stringContaining("gzip"),
  });
});

test("gRPC-Web and Connect streams in JSON are translated message by message", () => {
  const stream = "/library.Library/Chat";
  for (const type of ["application/grpc-web+json", "application/connect+json", "application/grpc+json"]) {
    const conversation = talk({ path: stream, fields: { "content-type": type } });
    const chunks = ["a", "b", "c"].map((name) => envelope(0, utf8.encode(`{"name": "${name}"}`)));
    const sink = new TestSink(conversation.request(bodyWith(...chunks)));
    expect(sink.bytes).toEqual(join(...["a", "b", "c"].map((name) => envelope(0, binary({ name })))));
    const answer = answerOf(conversation, originAnswers({ "grpc-status": "0" }, [binary({ name: "x" }), binary({})]));
    expect(answer.head.fields.get("content-type")).toBe(type);
    expect(bodyOf(answer)).toContain(`\u0000\u0000\u0000\u0000\u000c{"name":"x"}\u0000\u0000\u0000\u0000\u0002{}`);
  }
});

test("JSON that is no such message fails the request, with the field", () => {
  const conversation = talk({ path, fields: json });
  const source = bodyWith(utf8.encode('{"author": {"born": "x"}}'));
  const sink = new TestSink(conversation.request(source));
  expect(sink.error).toMatchObject({ code: Code.INVALID_ARGUMENT, message: expect.stringContaining("author.born") });
});

test("a message that is too large to be translated is refused before it has arrived", () => {
  const conversation = talk({ path, fields: { ...json, "content-length": String(maxTranslatedBytes + 1) } });
  const source = new TestSource<Fields>([utf8.encode("{")], Fields.empty);
  const sink = new TestSink(conversation.request(source));
  expect(sink.error?.code).toBe(Code.RESOURCE_EXHAUSTED);
  expect(source.cancelled).toBe(sink.error);
});

test("an error keeps its details", () => {
  const details = encodeStatus({ code: 5, message: "gone", details: [{ type: "a.B", value: Uint8Array.of(1) }] });
  const trailers = { "grpc-status": "5", "grpc-message": "gone", "grpc-status-details-bin": encodeBase64(details) };
  const answer = answerOf(talk({ path, fields: json }), originAnswers(trailers, []));
  expect(answer.head.status).toBe(404);
  expect(JSON.parse(bodyOf(answer))).toEqual({
    code: "not_found",
    message: "gone",
    details: [{ type: "a.B", value: "AQ" }],
  });
});

test("without descriptors JSON passes as it is, and an origin that knows none leads to help", () => {
  const conversation = talk({ path, fields: json, translated: false });
  expect(conversation.head.fields.get("content-type")).toBe("application/grpc+json");
  const refused = [
    originAnswers({ "grpc-status": "0" }, [binary({ name: "a" })]),
    originAnswers({}, [], { "grpc-status": "13", "grpc-message": "cannot parse" }),
    { head: { status: 415, fields: Fields.empty }, body: noBody },
  ];
  for (const response of refused) {
    const answer = answerOf(conversation, response);
    expect(answer.head.status).toBe(501);
    expect(JSON.parse(bodyOf(answer))).toEqual({
      code: "unimplemented",
      message: expect.stringMatching(/east\/default\/library:80 takes no JSON.*reflection.*edgeway\.dev\/descriptors/),
    });
  }
  const knows = originAnswers({ "grpc-status": "0" }, [utf8.encode("{}")], { "content-type": "application/grpc+json" });
  expect(bodyOf(answerOf(conversation, knows))).toBe("{}");
  const denies = originAnswers({}, [], { "grpc-status": "16", "grpc-message": "who?" });
  expect(answerOf(conversation, { ...denies, body: noBody }).head.status).toBe(401);
});

test("a service that the descriptors do not know is treated like one without", () => {
  const conversation = talk({ path: "/other.Service/Call", fields: { ...json, "connect-protocol-version": "1" } });
  expect(conversation.head.fields.get("content-type")).toBe("application/grpc+json");
  const answer = answerOf(conversation, { head: { status: 415, fields: Fields.empty }, body: noBody });
  expect(bodyOf(answer)).toContain("has descriptors without /other.Service/Call");
});

test("descriptors that cannot be had fail the call", () => {
  const { refusal } = converse(planned({ path, fields: json }), undefined) as Refusal;
  expect(refusal.head.status).toBe(503);
});

test("a REST call is one to the method of its template", () => {
  const conversation = talk({
    method: "PATCH",
    path: "/v1/shelves/a/b?mask=pages",
    fields: { ...json, "grpc-timeout": "2S", "x-id": "7", cookie: "c=1" },
  });
  expect(conversation.head).toMatchObject({ method: "POST", path: "/library.Library/Update", authority: "a.test" });
  expect(conversation.timeoutMs).toBe(2000);
  expect(conversation.head.fields.get("x-id")).toBe("7");
  const sink = new TestSink(conversation.request(bodyWith(utf8.encode('{"pages": 3}'))));
  const update = libraryDescriptors.method("/library.Library/Update")!.input;
  expect(fromBinary(update, sink.bytes.subarray(5))).toMatchObject({ book: { name: "shelves/a/b", pages: 3 } });
  const answer = answerOf(conversation, originAnswers({ "grpc-status": "0" }, [binary({ pages: 3 })], { etag: "e" }));
  expect(Object.fromEntries(answer.head.fields)).toEqual({ ...json, "content-length": "11", etag: "e" });
  expect(bodyOf(answer)).toBe('{"pages":3}');
});

test("a REST query that cannot be read fails the request, and throws nothing at whoever brings it", () => {
  const conversation = talk({ method: "GET", path: "/v1/shelves/1/books?within=1s&within.seconds=5" });
  const sink = new TestSink(conversation.request(bodyWith()));
  expect(sink.error).toMatchObject({ code: Code.INVALID_ARGUMENT, message: expect.stringContaining("within.seconds") });
});

test("a REST answer may be one field of the message, also where it is not set", () => {
  const conversation = talk({ method: "GET", path: "/v1/titles" });
  const list = libraryDescriptors.method("/library.Library/Titles")!.output;
  const full = toBinary(list, create(list, { books: [{ name: "a" }], next: "n" }));
  expect(bodyOf(answerOf(conversation, originAnswers({ "grpc-status": "0" }, [full])))).toBe('[{"name":"a"}]');
  expect(bodyOf(answerOf(conversation, originAnswers({ "grpc-status": "0" }, [new Uint8Array()])))).toBe("[]");
});

test("a google.api.HttpBody is the HTTP body of any type, in a field or as the whole message", () => {
  const png = Uint8Array.from({ length: 256 }, (_, i) => i);
  const scan = libraryDescriptors.method("/library.Library/Attach")!.input;
  const body = libraryDescriptors.method("/library.Library/Convert")!.input;
  const page = create(body, { contentType: "image/png", data: png });
  const cases = [
    ["/v1/scans/7", scan, create(scan, { name: "scans/7", page })],
    ["/v1/scans:convert", body, page],
  ] as const;
  for (const [target, desc, message] of cases) {
    const conversation = talk({ path: target, fields: { "content-type": "image/png" } });
    const sink = new TestSink(conversation.request(bodyWith(png)));
    expect(fromBinary(desc, sink.bytes.subarray(5))).toEqual(message);
    const answer = answerOf(conversation, originAnswers({ "grpc-status": "0" }, [toBinary(desc, message)]));
    expect(Object.fromEntries(answer.head.fields)).toEqual({ "content-type": "image/png", "content-length": "256" });
    expect(new TestSink(answer.body).bytes).toEqual(png);
  }
  const untyped = talk({ path: "/v1/scans/7" });
  const odd = create(scan, { page: create(body, { contentType: "a\r\nb" }) });
  for (const message of [toBinary(scan, odd), new Uint8Array()]) {
    const { head } = answerOf(untyped, originAnswers({ "grpc-status": "0" }, [message]));
    expect(head.fields.flat).toEqual(["content-type", "application/octet-stream", "content-length", "0"]);
  }
});

test("a content type that no field can carry is left out", () => {
  const body = libraryDescriptors.method("/library.Library/Convert")!.input;
  for (const contentType of ["text/\u{4f60}", "text/x; a=\u{1f600}", "a\u0000", " a"]) {
    const answer = originAnswers({ "grpc-status": "0" }, [toBinary(body, create(body, { contentType }))]);
    const { head } = answerOf(talk({ path: "/v1/scans:convert" }), answer);
    expect(head.fields.get("content-type")).toBe("application/octet-stream");
  }
});

test("several google.api.HttpBody are JSON, as no HTTP body is several", () => {
  const scans = libraryDescriptors.method("/library.Library/AttachAll")!.input;
  const pages = create(scans, { pages: [{ contentType: "a/b", data: Uint8Array.of(1) }] });
  const conversation = talk({ path: "/v1/scans", fields: json });
  const sink = new TestSink(conversation.request(bodyWith(utf8.encode('[{"contentType":"a/b","data":"AQ=="}]'))));
  expect(sink.bytes).toEqual(envelope(0, toBinary(scans, pages)));
  const answer = answerOf(conversation, originAnswers({ "grpc-status": "0" }, [toBinary(scans, pages)]));
  expect(bodyOf(answer)).toBe('[{"contentType":"a/b","data":"AQ=="}]');
  expect(bodyOf(answerOf(conversation, originAnswers({ "grpc-status": "0" }, [new Uint8Array()])))).toBe("[]");
});

test("a google.api.HttpBody whose fields are not what they should be has no content", () => {
  const set = fromBinary(FileDescriptorSetSchema, libraryBytes);
  const [contentType, data] = set.file.find(({ name }) => name === "google/api/httpbody.proto")!.messageType[0]!.field;
  contentType!.type = FieldDescriptorProto_Type.INT32;
  data!.type = FieldDescriptorProto_Type.INT64;
  const odd = Descriptors.read(toBinary(FileDescriptorSetSchema, set));
  const conversation = converse(planned({ path: "/v1/scans:convert" }), odd) as Conversation;
  const answer = answerOf(conversation, originAnswers({ "grpc-status": "0" }, [Uint8Array.of(8, 7, 16, 7)]));
  expect(answer.head.fields.flat).toEqual(["content-type", "application/octet-stream", "content-length", "0"]);
});

test("an answer that has no such field as response_body names is INTERNAL, and nothing is thrown at the origin", () => {
  const value = libraryDescriptors.method("/library.Library/Note")!.output;
  const kinds = [
    { case: "nullValue", value: 0 },
    { case: "numberValue", value: 1 },
    { case: "listValue", value: { values: [] } },
    { case: undefined },
  ] as const;
  for (const kind of kinds) {
    const conversation = talk({ method: "GET", path: "/v1/note" });
    const message = toBinary(value, create(value, { kind }));
    const answer = answerOf(conversation, originAnswers({ "grpc-status": "0" }, [message]));
    expect(answer.head.status).toBe(500);
    expect(JSON.parse(bodyOf(answer))).toMatchObject({
      code: Code.INTERNAL,
      message: expect.stringContaining("cannot be translated to JSON"),
    });
  }
});

test("a REST error is a google.rpc.Status with its details in JSON, under its HTTP status", () => {
  const author = libraryDescriptors.registry.getMessage("library.Author")!;
  const value = toBinary(author, create(author, { name: "A" }));
  const details = [
    { type: "library.Author", value },
    { type: "unknown.Type", value: Uint8Array.of(1) },
  ];
  const bin = encodeBase64(encodeStatus({ code: 9, message: "no", details }));
  const trailers = { "grpc-status": "9", "grpc-message": "no", "grpc-status-details-bin": bin };
  const answer = answerOf(talk({ method: "GET", path: "/v1/books/x" }), originAnswers(trailers, []));
  expect(answer.head.status).toBe(400);
  expect(JSON.parse(bodyOf(answer))).toEqual({
    code: 9,
    message: "no",
    details: [
      { "@type": "type.googleapis.com/library.Author", name: "A" },
      { "@type": "type.googleapis.com/unknown.Type", value: "AQ" },
    ],
  });
  const failure = talk({ method: "GET", path: "/v1/books/x" }).failure(
    new CallError(Code.UNAVAILABLE, "down", { side: "edge" }),
  );
  expect(failure.head.status).toBe(503);
  expect(JSON.parse(bodyOf(failure))).toEqual({ code: 14, message: "down", details: [] });
});

test("a REST stream has a line for each message, and one for an error after them", () => {
  const conversation = talk({ method: "GET", path: "/v1/watch" });
  const failed = originAnswers({ "grpc-status": "14", "grpc-message": "down" }, [binary({ pages: 1 }), binary({})]);
  const answer = answerOf(conversation, failed);
  expect(answer.head.status).toBe(200);
  expect(answer.head.fields.get("content-type")).toBe("application/x-ndjson");
  expect(bodyOf(answer)).toBe(
    '{"result":{"pages":1}}\n{"result":{}}\n{"error":{"code":14,"message":"down","details":[]}}\n',
  );
  const early = answerOf(conversation, originAnswers({ "grpc-status": "14" }, []));
  expect(early.head.status).toBe(503);
  const empty = answerOf(conversation, originAnswers({ "grpc-status": "0" }, []));
  expect([empty.head.status, bodyOf(empty)]).toEqual([200, ""]);
});

test("a REST stream that its reader leaves is cancelled at the origin", () => {
  const response = originAnswers({ "grpc-status": "0" }, [binary({ pages: 1 }), binary({ pages: 2 })]);
  const answer = answerOf(talk({ method: "GET", path: "/v1/watch" }), response);
  const gone = new CallError(Code.CANCELLED, "gone", { side: "caller" });
  answer.body.cancel(gone);
  expect((response.body as TestSource<Fields>).cancelled).toBe(gone);
});

test("a unary REST call that the origin answers with more than one message fails", () => {
  const conversation = talk({ method: "GET", path: "/v1/books/x" });
  const several = originAnswers({ "grpc-status": "0" }, [binary({}), binary({})]);
  expect(answerOf(conversation, several).head.status).toBe(501);
  expect((several.body as TestSource<Fields>).cancelled?.code).toBe(Code.UNIMPLEMENTED);
  expect(answerOf(conversation, originAnswers({ "grpc-status": "0" }, [])).head.status).toBe(501);
});

test("a REST body must be JSON, and a stream of requests cannot come by REST", () => {
  const form = refusalOf({ path: "/v1/books", fields: { "content-type": "application/x-www-form-urlencoded" } });
  expect(form.head.status).toBe(415);
  expect(JSON.parse(bodyOf(form))).toMatchObject({ code: 3 });
  expect(refusalOf({ path: "/v1/upload", fields: json }).head.status).toBe(501);
  expect(refusalOf({ method: "GET", path: "/v1/books/x", fields: { "grpc-timeout": "soon" } }).head.status).toBe(400);
});

test("what is no call is answered with 404 by a gRPC backend, and passed by one that takes HTTP too", () => {
  const asked = { method: "GET", path: "/nothing", fields: { accept: "text/html" } };
  expect(refusalOf(asked).head.status).toBe(404);
  const conversation = talk({ ...asked, orHttp: true });
  expect(conversation.head).toMatchObject(planned(asked).head);
  const body: Body = bodyWith(utf8.encode("x"));
  expect(conversation.request(body)).toBe(body);
});

test("a preflight that the rule has no CORS for is told so, and not that there is no method for OPTIONS", () => {
  const fields = { origin: "https://page.test", "access-control-request-method": "POST" };
  const answer = refusalOf({ method: "OPTIONS", path: "/library.Library/Get", fields });
  expect(answer.head.status).toBe(404);
  expect(bodyOf(answer)).toContain(
    "has no CORS: to let pages call, annotate its Ingress or route with edgeway.dev/cors-origins",
  );
  expect(bodyOf(refusalOf({ method: "OPTIONS", path: "/library.Library/Get" }))).toContain("has no method for OPTIONS");
});
