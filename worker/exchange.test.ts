import { describe, expect, test } from "vitest";
import { CallError } from "./call/error.ts";
import { Fields } from "./call/fields.ts";
import { type Answer, type Body, type HttpResponse, noBody } from "./call/http.ts";
import { Code } from "./call/status.ts";
import { exchange } from "./exchange.ts";
import { ManualClock, TestBody, TestHandler, TestSink } from "./http2/testing/scripted-peer.ts";
import type { Plan } from "./plan.ts";
import { echo } from "./transport/backend.fixture.ts";

const grpc: Plan = {
  caller: { protocol: "grpc", contentType: "application/grpc", codec: "proto", acceptEncoding: undefined },
  rule: { cluster: "east", kind: "GRPCRoute", namespace: "default", name: "echo", ruleIndex: 0 },
  revision: "1",
  backend: "east/default/echo:50051",
  originProtocol: "grpc",
  targets: [echo],
  timeouts: undefined,
  retry: undefined,
  hedging: undefined,
  session: undefined,
  hashKey: undefined,
  head: { method: "POST", scheme: "http", authority: "x.test", path: "/a.B/C", fields: Fields.empty },
  timeoutMs: undefined,
  responseHeaders: [],
  responseTrailers: [],
  mirrors: [],
  cors: undefined,
  translation: undefined,
};
const http: Plan = { ...grpc, caller: { protocol: "http", bodiless: false } };

/** One exchange, with the origin played by the test. */
class Call implements Answer {
  readonly clock = new ManualClock();
  readonly origin = new TestHandler();
  readonly sink = new TestSink();
  response: HttpResponse | undefined;
  readonly cancel: (reason: CallError) => void;

  constructor(plan: Plan, idleMs?: number, body: Body = noBody) {
    this.cancel = exchange(plan, body, { clock: this.clock, send: this.origin.handle, idleMs }, this);
  }

  respond(response: HttpResponse): void {
    if (this.response !== undefined) throw new Error("answered twice");
    this.response = response;
    response.body.pipe(this.sink);
  }

  fail(): void {
    throw new Error("an exchange always answers");
  }

  /** The origin's answer begins. */
  answer(fields: readonly string[] = ["content-type", "application/grpc"]): TestBody {
    const body = new TestBody();
    this.origin.last.answer.respond({ head: { status: 200, fields: new Fields(fields) }, body });
    return body;
  }
}

const refused = new CallError(Code.UNAVAILABLE, "connection refused", { side: "origin" });
const left = new CallError(Code.CANCELLED, "the caller went away", { side: "caller" });

test("an answer passes with its trailers", () => {
  const call = new Call(grpc);
  const body = call.answer();
  body.write("hello");
  body.end(new Fields(["grpc-status", "0"]));
  expect(call.response!.head.status).toBe(200);
  expect(call.sink.text).toBe("hello");
  expect(call.sink.trailers!.get("grpc-status")).toBe("0");
  expect(call.clock.pending).toBe(0);
});

test("an answer's header fields are modified as the plan says", () => {
  const call = new Call({ ...http, responseHeaders: [{ set: [["server", "edge"]], add: [], remove: ["x-inner"] }] });
  call.answer(["server", "origin", "x-inner", "1", "x-kept", "2"]);
  expect(call.response!.head.fields.flat).toEqual(["x-kept", "2", "server", "edge"]);
});

describe("an origin that fails is named", () => {
  test("before its answer, in the caller's protocol", () => {
    const call = new Call(grpc);
    call.origin.last.answer.fail(refused);
    const { fields } = call.response!.head;
    expect(fields.get("grpc-status")).toBe(String(Code.UNAVAILABLE));
    expect(fields.get("grpc-message")).toBe("backend east/default/echo:50051: connection refused");
  });

  test("with an HTTP status for a caller of plain HTTP", () => {
    const call = new Call(http);
    call.origin.last.answer.fail(refused);
    expect(call.response!.head.status).toBe(503);
    expect(call.sink.text).toContain("backend east/default/echo:50051: connection refused");
  });

  test("after its answer has begun, by the trailers", () => {
    const call = new Call(grpc);
    call.answer().fail(refused);
    expect(call.sink.trailers!.get("grpc-status")).toBe(String(Code.UNAVAILABLE));
    expect(call.sink.trailers!.get("grpc-message")).toContain("backend east/default/echo:50051: ");
  });

  test("after its answer has begun, by a body that breaks off where there are no trailers", () => {
    const call = new Call(http);
    call.answer([]).fail(refused);
    expect(call.sink.failure).toMatchObject({ code: Code.UNAVAILABLE, side: "origin" });
  });
});

describe("a deadline", () => {
  test("that passes before the answer ends the call on both sides", () => {
    const call = new Call({ ...grpc, timeoutMs: 100 });
    call.clock.advance(99);
    expect(call.response).toBeUndefined();
    call.clock.advance(1);
    expect(call.response!.head.fields.get("grpc-status")).toBe(String(Code.DEADLINE_EXCEEDED));
    expect(call.origin.last.cancelledWith).toMatchObject({ code: Code.DEADLINE_EXCEEDED });
  });

  test("that passes within the answer ends it there", () => {
    const call = new Call({ ...grpc, timeoutMs: 100 });
    const body = call.answer();
    body.write("part");
    call.clock.advance(100);
    expect(call.sink.trailers!.get("grpc-status")).toBe(String(Code.DEADLINE_EXCEEDED));
    expect(body.cancelledWith).toMatchObject({ code: Code.DEADLINE_EXCEEDED });
  });

  test("is what an origin means that gives up at the deadline without a word", () => {
    for (const [elapsedMs, code] of [
      [99, Code.DEADLINE_EXCEEDED],
      [50, Code.CANCELLED],
    ] as const) {
      const call = new Call({ ...grpc, timeoutMs: 100 });
      const body = call.answer();
      call.clock.advance(elapsedMs);
      body.fail(new CallError(Code.CANCELLED, "the origin reset the stream with CANCEL", { side: "origin" }));
      expect(call.sink.trailers!.get("grpc-status")).toBe(String(code));
    }
  });

  test("is forgotten once the call is over", () => {
    const call = new Call({ ...grpc, timeoutMs: 100 });
    call.answer().end(new Fields(["grpc-status", "0"]));
    call.clock.advance(1000);
    expect(call.sink.trailers!.get("grpc-status")).toBe("0");
  });
});

describe("a rule's request timeout", () => {
  const timeouts = { requestMs: 100, backendRequestMs: undefined, idleMs: undefined };

  test("ends a call whose answer has not begun", () => {
    const call = new Call({ ...http, timeouts });
    call.clock.advance(99);
    expect(call.response).toBeUndefined();
    call.clock.advance(1);
    expect(call.response!.head.status).toBe(504);
    expect(call.origin.last.cancelledWith).toMatchObject({ code: Code.DEADLINE_EXCEEDED });
  });

  test("lets an answer that has begun go on", () => {
    const call = new Call({ ...grpc, timeouts });
    const body = call.answer();
    call.clock.advance(1000);
    body.end(new Fields(["grpc-status", "0"]));
    expect(call.sink.trailers!.get("grpc-status")).toBe("0");
    expect(call.clock.pending).toBe(0);
  });

  test("does not put off the caller's own deadline", () => {
    const call = new Call({ ...grpc, timeouts, timeoutMs: 50 });
    call.clock.advance(50);
    expect(call.response!.head.fields.get("grpc-message")).toBe("the deadline of 50 ms passed");
    expect(call.clock.pending).toBe(0);
  });
});

describe("the idle limit", () => {
  test("is the rule's where that is shorter than the host's", () => {
    const call = new Call(
      { ...grpc, timeouts: { requestMs: undefined, backendRequestMs: undefined, idleMs: 500 } },
      1000,
    );
    call.answer();
    call.clock.advance(500);
    expect(call.sink.trailers!.get("grpc-status")).toBe(String(Code.UNAVAILABLE));
  });

  test("ends a call whose answer brings nothing for that long", () => {
    const call = new Call(grpc, 1000);
    const body = call.answer();
    call.clock.advance(900);
    body.write("one");
    call.clock.advance(999);
    expect(call.sink.trailers).toBeUndefined();
    call.clock.advance(1);
    expect(call.sink.trailers!.get("grpc-status")).toBe(String(Code.UNAVAILABLE));
    expect(body.cancelledWith).toBeDefined();
  });

  test("lets a call go on whose request does", () => {
    const request = new TestBody();
    const call = new Call(grpc, 1000, request);
    call.origin.last.request.body.pipe(new TestSink());
    for (let second = 0; second < 10; second += 1) {
      call.clock.advance(900);
      request.write("more");
    }
    expect(call.response).toBeUndefined();
    call.clock.advance(1000);
    expect(call.response!.head.fields.get("grpc-status")).toBe(String(Code.UNAVAILABLE));
  });

  test("takes one timer however many bytes come, and none once the call is over", () => {
    const call = new Call(grpc, 1000);
    const body = call.answer();
    for (let i = 0; i < 100; i += 1) body.write("x");
    expect(call.clock.pending).toBe(1);
    body.end(new Fields(["grpc-status", "0"]));
    expect(call.clock.pending).toBe(0);
  });
});

describe("a caller that leaves", () => {
  test("before the answer cancels the origin", () => {
    const call = new Call(grpc);
    call.cancel(left);
    expect(call.origin.last.cancelledWith).toBe(left);
    call.origin.last.answer.fail(refused); // which nobody hears
  });

  test("within the answer cancels its body, and hears nothing more", () => {
    const call = new Call({ ...http, timeoutMs: 100 });
    const body = call.answer([]);
    call.response!.body.cancel(left);
    expect(body.cancelledWith).toBe(left);
    call.clock.advance(100);
    expect(call.sink).toMatchObject({ failure: undefined, trailers: undefined });
  });

  test("gets no answer that comes too late, whose body is cancelled", () => {
    const call = new Call(http);
    call.cancel(left);
    const body = call.answer([]);
    expect(body.cancelledWith).toBeDefined();
  });
});

test("an answer that breaks off before anyone takes it is told to who does", () => {
  const origin = new TestHandler();
  const answers: HttpResponse[] = [];
  const answer = { respond: (response: HttpResponse) => void answers.push(response), fail: () => {} };
  const clock = new ManualClock();
  const cancel = exchange(http, noBody, { clock, send: origin.handle, idleMs: undefined }, answer);
  origin.last.answer.respond({ head: { status: 200, fields: Fields.empty }, body: new TestBody() });
  cancel(left);
  const sink = new TestSink();
  answers[0]!.body.pipe(sink);
  expect(sink.failure).toBe(left);
});
