import { expect, test } from "vitest";
import { CallError } from "../call/error.ts";
import { Fields } from "../call/fields.ts";
import { type HttpResponse, noBody } from "../call/http.ts";
import { Code } from "../call/status.ts";
import { envelope } from "../wire/envelope.ts";
import { type RpcCaller, decodeRequest, encodeFailure, translateResponse } from "./index.ts";
import { cut, join, seeded, TestSink, TestSource } from "./testing.ts";

const base = { codec: "proto", acceptEncoding: "gzip" };
const callers: readonly RpcCaller[] = [
  { ...base, protocol: "grpc", contentType: "application/grpc" },
  { ...base, protocol: "grpc-web", contentType: "application/grpc-web" },
  { ...base, protocol: "grpc-web-text", contentType: "application/grpc-web-text" },
  { ...base, protocol: "connect-stream", contentType: "application/connect+proto" },
  { ...base, protocol: "connect-unary", contentType: "application/proto", compressed: false, contentLength: undefined },
  { ...base, protocol: "connect-get", contentType: "application/proto", compressed: false, message: "", base64: false },
];

/** An answer as a broken origin may give it: every part of it right, wrong or missing. */
function brokenAnswer(random: () => number): { response: HttpResponse; body: TestSource<Fields> } {
  const one = <T>(...choices: readonly T[]): T => choices[Math.floor(random() * choices.length)]!;
  const bytes = Uint8Array.from({ length: Math.floor(random() * 60) }, () => Math.floor(random() * 256));
  const framed = join(envelope(one(0, 1, 2, 0x80), bytes), one(bytes, envelope(0, bytes), new Uint8Array(0)));
  const trailers = [
    ...one([], ["grpc-status", one("0", "5", "99", "x", "")]),
    ...one([], ["grpc-message", one("%", "%ff", "é", "ok")]),
    ...one([], ["grpc-status-details-bin", one("?", "AQI", "CAUSAW0")]),
    ...one([], ["x-bin", one("?", "AQI")]),
  ];
  const end = one<Fields | CallError>(
    new Fields(trailers),
    Fields.empty,
    new CallError(Code.UNAVAILABLE, "lost", { side: "origin" }),
  );
  const body = new TestSource(cut(one(framed, bytes, new Uint8Array(0)), random), end, 16);
  const head = [
    "content-type",
    one("application/grpc", "application/grpc+proto", "text/html", ""),
    ...one([], ["grpc-encoding", one("gzip", "", "identity")]),
    ...one([], trailers),
  ];
  const status = one(200, 200, 200, 404, 503, 204);
  return { response: { head: { status, fields: new Fields(head) }, body: one(body, body, noBody) }, body };
}

test.each(callers.map((caller) => [caller.protocol, caller] as const))(
  "whatever an origin sends, a caller of %s gets one answer that ends once",
  (_, caller) => {
    for (let seed = 0; seed < 2000; seed++) {
      const { response, body } = brokenAnswer(seeded(seed));
      const answers: HttpResponse[] = [];
      translateResponse(caller, response, (answer) => answers.push(answer));
      expect(answers.length).toBe(1);
      const { head, body: translation } = answers[0]!;
      expect(head.status === 200 || caller.protocol.startsWith("connect")).toBe(true);
      expect(new TestSink(translation).over).toBe(true);
      if (body.cancelled === undefined) expect(body.outstanding).toBe(0);
    }
  },
);

test.each(callers.map((caller) => [caller.protocol, caller] as const))(
  "whatever a caller of %s sends, the origin's request ends once",
  (_, caller) => {
    for (let seed = 0; seed < 500; seed++) {
      const random = seeded(seed);
      const bytes = Uint8Array.from({ length: Math.floor(random() * 60) }, () => Math.floor(random() * 256));
      const lost = new CallError(Code.CANCELLED, "gone", { side: "caller" });
      const body = new TestSource<Fields>(cut(bytes, random), random() < 0.5 ? Fields.empty : lost, 16);
      expect(new TestSink(decodeRequest(caller, body)).over).toBe(true);
    }
  },
);

test("an error of the edge's own says the same to every caller", () => {
  const error = new CallError(Code.UNAVAILABLE, "backend down", { side: "edge" });
  for (const caller of callers) {
    const { head, body } = encodeFailure(caller, error);
    const { bytes } = new TestSink(body);
    const isText = caller.protocol === "grpc-web-text";
    const text = isText
      ? Buffer.from(Buffer.from(bytes).toString(), "base64").toString()
      : Buffer.from(bytes).toString();
    expect(`${head.fields.flat.join(" ")} ${text}`).toContain("backend down");
    expect(head.status).toBe(caller.protocol === "connect-unary" || caller.protocol === "connect-get" ? 503 : 200);
  }
});

test.each(callers)("a call of $protocol without any message does not end with its header block", (caller) => {
  const body = decodeRequest(caller, noBody);
  expect(body).not.toBe(noBody);
  expect(new TestSink(body).ended).toBe(Fields.empty);
});

test("a request of plain HTTP without a body stays one", () => {
  expect(decodeRequest({ protocol: "http", bodiless: false }, noBody)).toBe(noBody);
});
