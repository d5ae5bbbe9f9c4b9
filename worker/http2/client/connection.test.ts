import { describe, expect, test } from "vitest";
import { CallError } from "../../call/error.ts";
import { Fields } from "../../call/fields.ts";
import { type HttpResponse, noBody } from "../../call/http.ts";
import { Code } from "../../call/status.ts";
import { ErrorCode } from "../error.ts";
import { data, frame, goAway, headers, ok, ping, rst, settings, settingsAck, windowUpdate } from "../testing/frames.ts";
import { clientUnderTest, TestBody, TestCall, TestSink } from "../testing/scripted-peer.ts";

const cancelled = new CallError(Code.CANCELLED, "the caller left", { side: "caller" });

describe("a request", () => {
  test("goes out before the peer has said anything, behind the preface", () => {
    const { peer, client } = clientUnderTest({ greet: false });
    void new TestCall(client, { path: "/a" });
    expect(peer.received()).toEqual([
      "SETTINGS PUSH=0 WINDOW=262144 LIST=65536",
      "WINDOW_UPDATE +983041",
      "HEADERS 1 END :method=GET :scheme=http :path=/a :authority=test",
    ]);
  });

  test("with a body ends with the body's last frame", () => {
    const { peer, client } = clientUnderTest();
    const body = new TestBody();
    void new TestCall(client, { method: "POST", body });
    body.write("hello").end();
    expect(peer.received()).toEqual([
      "HEADERS 1 :method=POST :scheme=http :path=/ :authority=test",
      'DATA 1 END "hello"',
    ]);
  });

  test("with trailers ends with them", () => {
    const { peer, client } = clientUnderTest();
    const body = new TestBody();
    void new TestCall(client, { method: "POST", body });
    body.end(Fields.from([["t", "u"]]));
    expect(peer.received()[1]).toBe("HEADERS 1 END t=u");
  });

  test("whose body ends in a later tick ends with an empty frame", () => {
    const { peer, client } = clientUnderTest();
    const body = new TestBody();
    void new TestCall(client, { method: "POST", body });
    body.write("hello");
    peer.received();
    body.end();
    expect(peer.received()).toEqual(["DATA 1 END"]);
  });

  test("whose body turns out to be empty has one all the same, as gRPC asks", () => {
    const { peer, client } = clientUnderTest();
    const body = new TestBody();
    void new TestCall(client, { method: "POST", body });
    body.end();
    expect(peer.received()).toEqual(["HEADERS 1 :method=POST :scheme=http :path=/ :authority=test", "DATA 1 END"]);
  });

  test("never sends connection-specific fields, and te only for trailers", () => {
    const { peer, client } = clientUnderTest();
    const fields = Fields.from([
      ["connection", "close"],
      ["keep-alive", "1"],
      ["transfer-encoding", "chunked"],
      ["te", "gzip"],
      ["te", "trailers"],
    ]);
    void new TestCall(client, { fields });
    expect(peer.received()).toEqual(["HEADERS 1 END :method=GET :scheme=http :path=/ :authority=test te=trailers"]);
  });

  test("over the frame size is continued", () => {
    const { peer, client } = clientUnderTest();
    void new TestCall(client, { fields: Fields.from([["x", "y".repeat(40_000)]]) });
    peer.tick();
    const sent = peer.wire.sent.flatMap((bytes) => [...bytes]);
    const types: number[] = [];
    for (let at = 0; at < sent.length; at += 9 + ((sent[at]! << 16) | (sent[at + 1]! << 8) | sent[at + 2]!)) {
      types.push(sent[at + 3]!);
    }
    expect(types).toEqual([1, 9, 9]);
  });
});

describe("an answer", () => {
  test("brings its head, body and trailers, in whatever pieces they arrive", () => {
    const { peer, client } = clientUnderTest();
    const call = new TestCall(client);
    peer.sendByteByByte(
      headers(1, [...ok, ["content-type", "x"]]),
      data(1, "he"),
      data(1, "llo"),
      headers(1, [["grpc-status", "0"]], { end: true }),
    );
    expect(call.response!.head.status).toBe(200);
    expect(call.response!.head.fields.get("content-type")).toBe("x");
    expect(call.sink.text).toBe("hello");
    expect(call.sink.trailers!.get("grpc-status")).toBe("0");
    expect(client.activeStreams).toBe(0);
  });

  test("is kept until somebody takes its body", () => {
    const { peer, client } = clientUnderTest();
    let taken: TestSink | undefined;
    client.handle(
      { head: { method: "GET", scheme: "http", authority: "", path: "/", fields: Fields.empty }, body: new TestBody() },
      {
        respond({ body }) {
          taken = new TestSink();
          queueMicrotask(() => body.pipe(taken!));
        },
        fail() {},
      },
    );
    peer.send(headers(1, ok), data(1, "a"), data(1, "b"), headers(1, [["t", "u"]], { end: true }));
    return Promise.resolve().then(() => {
      expect(taken!.text).toBe("ab");
      expect(taken!.pieces).toBe(1);
      expect(taken!.trailers!.get("t")).toBe("u");
    });
  });

  test("whose taker breaks it off while it takes what was kept hears nothing more", () => {
    const { peer, client } = clientUnderTest();
    const call: { response?: HttpResponse } = {};
    const head = { method: "POST", scheme: "http", authority: "", path: "/", fields: Fields.empty } as const;
    const request = new TestBody();
    client.handle({ head, body: request }, { respond: (response) => (call.response = response), fail() {} });
    peer.send(headers(1, ok), data(1, new Uint8Array(10_000)), data(1, new Uint8Array(10_000)));
    const heard: string[] = [];
    call.response!.body.pipe({
      write: () => {
        heard.push("write");
        request.fail(cancelled);
      },
      end: () => heard.push("end"),
      fail: () => heard.push("fail"),
    });
    expect(heard).toEqual(["write", "fail"]);
  });

  test("may follow interim ones, which nobody sees", () => {
    const { peer, client } = clientUnderTest();
    const call = new TestCall(client);
    peer.send(headers(1, [[":status", "100"]]), headers(1, [[":status", "103"]]), headers(1, ok, { end: true }));
    expect(call.response!.head.status).toBe(200);
  });

  test("that ends before its request did counts, and ends the upload", () => {
    const { peer, client } = clientUnderTest();
    const body = new TestBody();
    const call = new TestCall(client, { method: "POST", body });
    peer.received();
    body.write("part");
    peer.send(headers(1, ok), headers(1, [["grpc-status", "3"]], { end: true }));
    expect(call.sink.trailers!.get("grpc-status")).toBe("3");
    expect(body.cancelledWith).toMatchObject({ code: Code.CANCELLED });
    expect(peer.received()).toEqual(['DATA 1 "part"', "RST_STREAM 1 NO_ERROR"]);
    expect(client.activeStreams).toBe(0);
    body.write("late").end();
    expect(peer.received()).toEqual([]);
  });

  test("in full before RST_STREAM(NO_ERROR) counts", () => {
    const { peer, client } = clientUnderTest();
    const body = new TestBody();
    const call = new TestCall(client, { method: "POST", body });
    peer.send(headers(1, ok), data(1, "x", { end: true }), rst(1, ErrorCode.NO_ERROR));
    expect(call.sink).toMatchObject({ text: "x", trailers: Fields.empty, failure: undefined });
  });

  test.each<[string, readonly Uint8Array[]]>([
    ["no :status", [headers(1, [["x", "y"]], { end: true })]],
    [":status 101", [headers(1, [[":status", "101"]])]],
    [":status twice", [headers(1, [...ok, ...ok])]],
    ["an interim head that ends the stream", [headers(1, [[":status", "100"]], { end: true })]],
    ["DATA before its head", [data(1, "x")]],
    ["a connection-specific field", [headers(1, [...ok, ["connection", "close"]])]],
    ["less DATA than content-length", [headers(1, [...ok, ["content-length", "1"]], { end: true })]],
  ])("with %s is malformed and fails the call", (_what, frames) => {
    const { peer, client } = clientUnderTest();
    const call = new TestCall(client);
    peer.received();
    peer.send(...frames);
    expect(call.failure).toMatchObject({ code: Code.INTERNAL, side: "origin" });
    expect(peer.received()).toEqual(["RST_STREAM 1 PROTOCOL_ERROR"]);
  });

  test.each<[string, readonly Uint8Array[]]>([
    ["trailers that do not end the stream", [headers(1, [["t", "u"]])]],
    ["a pseudo-header field in its trailers", [headers(1, [[":status", "200"]], { end: true })]],
    ["more DATA than content-length", [data(1, "xyz")]],
    ["less DATA than content-length", [data(1, "x", { end: true })]],
  ])("with %s breaks off", (_what, frames) => {
    const { peer, client } = clientUnderTest();
    const call = new TestCall(client);
    peer.received();
    peer.send(headers(1, [...ok, ["content-length", "2"]]), ...frames);
    expect(call.sink.failure).toMatchObject({ code: Code.INTERNAL });
    expect(peer.received()).toEqual(["RST_STREAM 1 PROTOCOL_ERROR"]);
  });

  test("to HEAD may name the length of the body it does not have", () => {
    const { peer, client } = clientUnderTest();
    const call = new TestCall(client, { method: "HEAD" });
    peer.send(headers(1, [...ok, ["content-length", "100"]], { end: true }));
    expect(call.response!.head.status).toBe(200);
    expect(call.sink.failure).toBeUndefined();
  });

  test("with a header list over the limit fails the call as RESOURCE_EXHAUSTED", () => {
    const { peer, client } = clientUnderTest({ limits: { maxHeaderListBytes: 100 } });
    const call = new TestCall(client);
    peer.send(headers(1, [...ok, ["x", "y".repeat(100)]]));
    expect(call.failure).toMatchObject({ code: Code.RESOURCE_EXHAUSTED });
    expect(peer.counters.maxHeaderListBytes).toBe(1);
  });
});

describe("a defect of what hangs on a call ends that call alone", () => {
  const defect = (): never => {
    throw new Error("a defect");
  };
  const head = { method: "GET", scheme: "http", authority: "", path: "/", fields: Fields.empty } as const;

  /** Makes a call whose answer and sink do as `parts` say, beside one that is as it should be. */
  function beside(parts: { respond?: () => void; write?: () => void; end?: () => void; fail?: () => void }) {
    const { peer, client } = clientUnderTest();
    const heard: CallError[] = [];
    const fail = (error: CallError): void => {
      heard.push(error);
      parts.fail?.();
    };
    const respond = ({ body }: HttpResponse): void => {
      parts.respond?.();
      body.pipe({ write: parts.write ?? (() => {}), end: parts.end ?? (() => {}), fail });
    };
    client.handle({ head, body: noBody }, { respond, fail });
    const neighbour = new TestCall(client);
    peer.received();
    return { peer, client, neighbour, heard };
  }

  /** The neighbour's answer comes, and the connection goes on. */
  function expectUnharmed({ peer, client, neighbour }: ReturnType<typeof beside>): void {
    peer.send(headers(3, ok), data(3, "x", { end: true }));
    expect(neighbour.sink).toMatchObject({ text: "x", trailers: Fields.empty });
    expect(client).toMatchObject({ activeStreams: 0, draining: false });
    expect(peer.closedWith).toBe("open");
  }

  test("where its head is taken", () => {
    const pair = beside({ respond: defect });
    pair.peer.send(headers(1, ok), data(1, "late"));
    expect(pair.peer.received()).toEqual(["RST_STREAM 1 CANCEL"]);
    expectUnharmed(pair);
  });

  test("where its bytes are taken: its taker hears of it", () => {
    const pair = beside({ write: defect });
    pair.peer.send(headers(1, ok), data(1, "x"));
    expect(pair.heard).toMatchObject([{ code: Code.INTERNAL, side: "edge", cause: { message: "a defect" } }]);
    expect(pair.peer.received()).toEqual(["RST_STREAM 1 CANCEL"]);
    expectUnharmed(pair);
  });

  test("where its end is taken", () => {
    const pair = beside({ end: defect });
    pair.peer.send(headers(1, ok), data(1, "x", { end: true }));
    expect(pair.peer.received()).toEqual([]);
    expectUnharmed(pair);
  });

  test("where its request is read on", () => {
    const { peer, client } = clientUnderTest({ peerSettings: [[4, 5]] });
    const body = new TestBody();
    const call = new TestCall(client, { method: "POST", body });
    body.write("hello, world");
    body.consumed = defect;
    peer.send(windowUpdate(1, 100));
    expect(call.failure).toMatchObject({ code: Code.INTERNAL, side: "edge" });
    expect(peer.closedWith).toBe("open");
  });

  test("where its failure is told, when the connection is lost: its neighbours hear of it", () => {
    const { peer, neighbour } = beside({ fail: defect });
    peer.leave();
    expect(neighbour.failure).toMatchObject({ code: Code.UNAVAILABLE });
    expect(peer.closedWith).toMatchObject({ code: Code.UNAVAILABLE });
  });
});

describe("a reset", () => {
  test.each<[keyof typeof ErrorCode, keyof typeof Code, boolean]>([
    ["NO_ERROR", "INTERNAL", false],
    ["PROTOCOL_ERROR", "INTERNAL", false],
    ["REFUSED_STREAM", "UNAVAILABLE", true],
    ["CANCEL", "CANCELLED", false],
    ["ENHANCE_YOUR_CALM", "RESOURCE_EXHAUSTED", false],
    ["INADEQUATE_SECURITY", "PERMISSION_DENIED", false],
  ])("with %s means %s", (reset, status, unprocessed) => {
    const { peer, client } = clientUnderTest();
    const body = new TestBody();
    const call = new TestCall(client, { method: "POST", body });
    peer.send(rst(1, ErrorCode[reset]));
    expect(call.failure).toMatchObject({ code: Code[status], side: "origin", unprocessed });
    expect(body.cancelledWith).toBe(call.failure);
  });

  test("behind the head breaks the body off", () => {
    const { peer, client } = clientUnderTest();
    const call = new TestCall(client);
    peer.send(headers(1, ok), data(1, "x"), rst(1, ErrorCode.INTERNAL_ERROR));
    expect(call.failure).toBeUndefined();
    expect(call.sink).toMatchObject({ text: "x", failure: { code: Code.INTERNAL } });
  });
});

describe("cancelling", () => {
  test("resets the stream, stops the upload, and nothing more is heard", () => {
    const { peer, client } = clientUnderTest();
    const body = new TestBody();
    const call = new TestCall(client, { method: "POST", body });
    peer.received();
    call.cancel(cancelled);
    call.cancel(cancelled);
    expect(peer.received()).toEqual(["RST_STREAM 1 CANCEL"]);
    peer.send(headers(1, ok), data(1, "x", { end: true }), windowUpdate(1, 5));
    expect(call).toMatchObject({ response: undefined, failure: undefined });
    expect(body.cancelledWith).toBe(cancelled);
    expect(peer.received()).toEqual([]);
    expect(peer.closedWith).toBe("open");
  });

  test("the body of an answer resets the stream, too", () => {
    const { peer, client } = clientUnderTest();
    const call = new TestCall(client);
    peer.send(headers(1, ok), data(1, "x"));
    peer.received();
    call.response!.body.cancel(cancelled);
    expect(peer.received()).toEqual(["RST_STREAM 1 CANCEL"]);
    expect(call.sink.failure).toBeUndefined();
  });

  test("a request body that breaks off fails the call", () => {
    const { peer, client } = clientUnderTest();
    const body = new TestBody();
    const call = new TestCall(client, { method: "POST", body });
    peer.received();
    body.fail(cancelled);
    expect(call.failure).toBe(cancelled);
    expect(peer.received()).toEqual(["RST_STREAM 1 CANCEL"]);
  });

  test("keeps the compression table in step with the headers that still come", () => {
    const { peer, client } = clientUnderTest();
    const call = new TestCall(client);
    const next = new TestCall(client);
    call.cancel(cancelled);
    peer.send(frame(1, 4, 1, [0x88, 0x40, 1, 0x78, 1, 0x79]), frame(1, 5, 3, [0x88, 0xbe]));
    expect([...next.response!.head.fields]).toEqual([["x", "y"]]);
  });
});

const limit = (streams: number): Uint8Array => settings([3, streams]);

describe("the peer's MAX_CONCURRENT_STREAMS", () => {
  test("is honoured as it changes: requests wait, in order, and go as others end", () => {
    const { peer, client } = clientUnderTest({ peerSettings: [[3, 1]] });
    for (const path of ["/1", "/2", "/3", "/4"]) void new TestCall(client, { path });
    expect(client).toMatchObject({ activeStreams: 1, queued: 3, capacity: 0 });
    expect(peer.received()).toEqual(["HEADERS 1 END :method=GET :scheme=http :path=/1 :authority=test"]);
    peer.send(headers(1, ok, { end: true }));
    expect(peer.received()[0]).toContain("HEADERS 3 END :method=GET :scheme=http :path=/2");
    peer.send(limit(3));
    expect(peer.received().map((line) => line.slice(0, 10))).toEqual(["SETTINGS A", "HEADERS 5 ", "HEADERS 7 "]);
    peer.send(limit(1), headers(3, ok, { end: true }), headers(5, ok, { end: true }));
    void new TestCall(client, { path: "/5" });
    expect(peer.received()).toEqual(["SETTINGS ACK"]);
    expect(client.queued).toBe(1);
  });

  test("of 0 makes requests wait; one that is cancelled was never sent", () => {
    const { peer, client } = clientUnderTest({ peerSettings: [[3, 0]] });
    const body = new TestBody();
    const call = new TestCall(client, { method: "POST", body });
    void new TestCall(client, { path: "/2" });
    call.cancel(cancelled);
    peer.send(limit(1));
    expect(peer.received()[1]).toContain("HEADERS 1 END :method=GET :scheme=http :path=/2");
    expect(body.cancelledWith).toBe(cancelled);
  });

  test("does not let more wait than the limit says", () => {
    const { peer, client } = clientUnderTest({ peerSettings: [[3, 0]], limits: { maxQueuedRequests: 1 } });
    void new TestCall(client);
    const call = new TestCall(client);
    expect(call.failure).toMatchObject({ code: Code.UNAVAILABLE, unprocessed: true });
    expect(peer.counters.maxQueuedRequests).toBe(1);
  });
});

describe("GOAWAY", () => {
  test("fails what the peer will not process, safe to be sent again, and lets the rest end", () => {
    let drained = 0;
    const { peer, client } = clientUnderTest({ peerSettings: [[3, 2]], onDraining: () => drained++ });
    const calls = ["/1", "/2", "/3"].map((path) => new TestCall(client, { path }));
    peer.received();
    peer.send(goAway(1));
    expect(drained).toBe(1);
    expect(calls.map(({ failure }) => failure?.unprocessed)).toEqual([undefined, true, true]);
    const late = new TestCall(client);
    expect(late.failure).toMatchObject({ code: Code.UNAVAILABLE, unprocessed: true });
    peer.send(headers(1, ok, { end: true }));
    expect(calls[0]!.response!.head.status).toBe(200);
    expect(peer.received()).toEqual(["GOAWAY last=0 NO_ERROR"]);
    expect(peer.closedWith).toBeUndefined();
    expect(peer.wire.ended).toBe(true);
  });

  test("in two steps: the first names no stream, the second the last", () => {
    const { peer, client } = clientUnderTest();
    const calls = [new TestCall(client), new TestCall(client)];
    peer.send(goAway(0x7fffffff));
    expect(calls.map(({ failure }) => failure)).toEqual([undefined, undefined]);
    peer.send(goAway(1));
    expect(calls.map(({ failure }) => failure?.unprocessed)).toEqual([undefined, true]);
  });

  test("says why in what fails", () => {
    const { peer, client } = clientUnderTest();
    const call = new TestCall(client);
    peer.send(goAway(0, ErrorCode.ENHANCE_YOUR_CALM, "too_many_pings"));
    expect(call.failure!.message).toBe("the origin is going away with ENHANCE_YOUR_CALM: too_many_pings");
  });

  test("that complains is why calls under way fail when the connection closes", () => {
    const { peer, client } = clientUnderTest();
    const call = new TestCall(client);
    peer.send(goAway(1, ErrorCode.ENHANCE_YOUR_CALM, "too_many_pings"));
    expect(call.failure).toBeUndefined();
    peer.leave();
    const why = "the origin is going away with ENHANCE_YOUR_CALM: too_many_pings";
    expect(call.failure).toMatchObject({ code: Code.UNAVAILABLE, message: why, unprocessed: false });
    expect(peer.closedWith).toMatchObject({ message: why });
  });
});

describe("a probe", () => {
  test("is a PING, and the connection is lost if nobody answers it in time", () => {
    const { peer, client } = clientUnderTest();
    const call = new TestCall(client);
    peer.received();
    client.probe(2000, () => expect.unreachable());
    expect(peer.received()).toEqual([expect.stringMatching(/^PING/)]);
    peer.clock.advance(2000);
    expect(call.failure).toMatchObject({ code: Code.UNAVAILABLE, message: "no answer to a PING within 2000 ms" });
    expect(peer.closedWith).toMatchObject({ code: Code.UNAVAILABLE });
  });

  test("that is answered leaves the connection as it was", () => {
    const { peer, client } = clientUnderTest();
    let alive = 0;
    client.probe(2000, () => alive++);
    peer.send(ping(1, { ack: true }));
    peer.clock.advance(2000);
    expect(alive).toBe(1);
    expect(client.closed).toBe(false);
    expect(peer.clock.pending).toBeLessThanOrEqual(1);
  });
});

describe("the end of a connection", () => {
  test("that is lost fails its calls; they are not known to be unprocessed, those that wait are", () => {
    const { peer, client } = clientUnderTest({ peerSettings: [[3, 1]] });
    const [begun, waiting] = [new TestCall(client), new TestCall(client)];
    peer.leave(new Error("ECONNRESET"));
    expect(begun.failure).toMatchObject({ code: Code.UNAVAILABLE, unprocessed: false, side: "origin" });
    expect(waiting.failure).toMatchObject({ code: Code.UNAVAILABLE, unprocessed: true });
    expect(peer.closedWith).toMatchObject({ message: "the connection was lost: ECONNRESET" });
    expect(peer.clock.pending).toBe(0);
  });

  test("by draining waits for the calls under way", () => {
    const { peer, client } = clientUnderTest();
    const call = new TestCall(client);
    client.drain();
    expect(peer.closedWith).toBe("open");
    peer.send(headers(1, ok), data(1, "x", { end: true }));
    expect(call.sink.text).toBe("x");
    expect(peer.closedWith).toBeUndefined();
  });

  test("a peer that speaks something else ends it", () => {
    const { peer, client } = clientUnderTest({ greet: false });
    const call = new TestCall(client);
    peer.received();
    peer.send(new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"));
    expect(peer.received()[0]).toContain("GOAWAY last=0 FRAME_SIZE_ERROR");
    expect(call.failure).toMatchObject({ code: Code.UNAVAILABLE });
  });

  test("a peer that acknowledges SETTINGS it was not sent is told nothing worse than that the first frame is missing", () => {
    const { peer } = clientUnderTest({ greet: false });
    peer.received();
    peer.send(settingsAck);
    expect(peer.received()[0]).toContain("PROTOCOL_ERROR");
  });
});
