import { describe, expect, test } from "vitest";
import { CallError } from "../../call/error.ts";
import { Fields } from "../../call/fields.ts";
import { noBody } from "../../call/http.ts";
import { Code } from "../../call/status.ts";
import { ErrorCode } from "../error.ts";
import { data, frame, get, headers, ping, post, preface, rst, settings, windowUpdate } from "../testing/frames.ts";
import { answering, okHead, serverUnderTest, TestBody, TestHandler } from "../testing/scripted-peer.ts";

describe("a server's beginning", () => {
  test("it says its settings before anything was asked, and opens the connection's window", () => {
    const { peer } = serverUnderTest(answering("hi"), { greet: false });
    expect(peer.received()).toEqual(["SETTINGS STREAMS=256 WINDOW=262144 LIST=65536", "WINDOW_UPDATE +983041"]);
  });

  test("a preface that arrives in pieces is a preface", () => {
    const { peer } = serverUnderTest(answering("hi"), { greet: false });
    peer.received();
    peer.sendByteByByte(preface, settings(), headers(1, get(), { end: true }));
    expect(peer.received()).toEqual(["SETTINGS ACK", "HEADERS 1 :status=200", 'DATA 1 END "hi"']);
  });

  test("HTTP/1.1 is answered with GOAWAY and closed", () => {
    const { peer } = serverUnderTest(answering("hi"), { greet: false });
    peer.received();
    peer.send(new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"));
    expect(peer.received()).toEqual(['GOAWAY last=0 PROTOCOL_ERROR "no HTTP/2 preface"']);
    expect(peer.wire.ended).toBe(true);
  });
});

describe("a request", () => {
  test("brings its head, body and trailers to the handler", () => {
    const handler = new TestHandler();
    const { peer } = serverUnderTest(handler.handle);
    peer.send(
      headers(1, [...post("/a?b"), ["te", "trailers"], ["x", "y"]]),
      data(1, "hello"),
      headers(1, [["t", "u"]], { end: true }),
    );
    const { request, sink } = handler.last;
    expect(request.head).toMatchObject({ method: "POST", scheme: "http", authority: "test", path: "/a?b" });
    expect([...request.head.fields]).toEqual([
      ["te", "trailers"],
      ["x", "y"],
    ]);
    request.body.pipe(sink);
    expect(sink.text).toBe("hello");
    expect([...sink.trailers!]).toEqual([["t", "u"]]);
  });

  test("takes its authority from host where :authority is missing, and keeps cookies in one field", () => {
    const handler = new TestHandler();
    const { peer } = serverUnderTest(handler.handle);
    peer.send(headers(1, [...get().slice(0, 3), ["host", "h"], ["cookie", "a=1"], ["cookie", "b=2"]], { end: true }));
    expect(handler.last.request.head.authority).toBe("h");
    expect([...handler.last.request.head.fields]).toEqual([["cookie", "a=1; b=2"]]);
  });

  test.each<[string, readonly (readonly [string, string])[]]>([
    ["an upper-case field name", [...get(), ["X", "y"]]],
    ["a field name with a space", [...get(), ["x y", "z"]]],
    ["an empty field name", [...get(), ["", "z"]]],
    ["a line break in a value", [...get(), ["x", "a\r\nb"]]],
    ["NUL in a value", [...get(), ["x", "a\0b"]]],
    ["space around a value", [...get(), ["x", " a"]]],
    ["connection", [...get(), ["connection", "close"]]],
    ["transfer-encoding", [...get(), ["transfer-encoding", "chunked"]]],
    ["te other than trailers", [...get(), ["te", "gzip"]]],
    ["a pseudo-header field behind another field", [["x", "y"], ...get()]],
    ["an unknown pseudo-header field", [...get(), [":x", "y"]]],
    ["a response's pseudo-header field", [...get(), [":status", "200"]]],
    ["no :method", get().slice(1)],
    ["no :path", [...get().slice(0, 2), ...get().slice(3)]],
    ["an empty :path", get("")],
    [":path twice", [...get(), [":path", "/"]]],
    ["host other than :authority", [...get(), ["host", "other"]]],
    ["a space in :path", get("/a b")],
    ["a tab in :path", get("/a\tb")],
    ["a method that is no token", [[":method", "G T"], ...get().slice(1)]],
    ["user information in :authority", [...get().slice(0, 3), [":authority", "user@host"]]],
    ["two content-lengths", [...get(), ["content-length", "1"], ["content-length", "2"]]],
    [
      "CONNECT",
      [
        [":method", "CONNECT"],
        [":authority", "x"],
      ],
    ],
  ])("with %s is malformed: the stream is reset, its neighbours go on", (_what, fields) => {
    const { peer } = serverUnderTest(answering("hi"));
    peer.send(headers(1, fields, { end: true }), headers(3, get(), { end: true }));
    expect(peer.received()).toEqual(["RST_STREAM 1 PROTOCOL_ERROR", "HEADERS 3 :status=200", 'DATA 3 END "hi"']);
  });

  test("with less or more DATA than its content-length says is malformed", () => {
    const handler = new TestHandler();
    const { peer } = serverUnderTest(handler.handle);
    peer.send(headers(1, [...post(), ["content-length", "5"]]), data(1, "four", { end: true }));
    peer.send(headers(3, [...post(), ["content-length", "5"]]), data(3, "sixsix"));
    expect(peer.received()).toEqual(["RST_STREAM 1 PROTOCOL_ERROR", "RST_STREAM 3 PROTOCOL_ERROR"]);
    expect(handler.requests.map(({ cancelledWith }) => cancelledWith?.code)).toEqual([Code.INTERNAL, Code.INTERNAL]);
  });

  test("whose body nobody wants is answered all the same, content-length or not", () => {
    const handler = new TestHandler();
    const { peer } = serverUnderTest(handler.handle);
    peer.send(headers(1, [...post(), ["content-length", "5"]]), data(1, "ab"));
    handler.last.request.body.cancel(new CallError(Code.CANCELLED, "enough", { side: "edge" }));
    peer.send(data(1, "cde", { end: true }));
    handler.last.answer.respond({ head: okHead, body: noBody });
    expect(peer.received()).toEqual(["HEADERS 1 END :status=200"]);
  });

  test("over the list limit is answered 431, and the compression table stays in step", () => {
    const handler = new TestHandler();
    const { peer } = serverUnderTest(handler.handle, { limits: { maxHeaderListBytes: 200 } });
    // The oversize list inserts x=y; the next refers to it by index 62.
    const insert = frame(1, 5, 1, [0x40, 1, 0x78, 1, 0x79, ...Array.from({ length: 8 }, () => 0xbe)]);
    peer.send(insert, frame(1, 5, 3, [0x82, 0x86, 0x84, 0xbe]));
    expect(peer.received()).toEqual(["HEADERS 1 END :status=431 content-length=0"]);
    expect([...handler.last.request.head.fields]).toEqual([["x", "y"]]);
    expect(peer.counters.maxHeaderListBytes).toBe(1);
  });

  test("of a gRPC call over the list limit is answered RESOURCE_EXHAUSTED, wherever its content type stands", () => {
    const { peer } = serverUnderTest(new TestHandler().handle, { limits: { maxHeaderListBytes: 300 } });
    const large = ["x-large", "m".repeat(300)] as const;
    const type = ["content-type", "application/grpc+proto"] as const;
    peer.send(headers(1, [...post(), type, large], { end: true }), headers(3, [...post(), large, type], { end: true }));
    const answers = peer.received();
    expect(answers).toHaveLength(2);
    for (const answer of answers) {
      expect(answer).toMatch(/^HEADERS \d END :status=200 content-type=application\/grpc grpc-status=8 grpc-message=/);
    }
    const web = ["content-type", "application/grpc-web"] as const;
    peer.send(headers(5, [...post(), web, large], { end: true }));
    expect(peer.received()).toEqual(["HEADERS 5 END :status=431 content-length=0"]);
  });

  test("beyond MAX_CONCURRENT_STREAMS is refused, safe to be sent again", () => {
    const handler = new TestHandler();
    const { peer } = serverUnderTest(handler.handle, { limits: { maxConcurrentStreams: 1 } });
    peer.send(headers(1, get(), { end: true }), headers(3, get(), { end: true }));
    expect(peer.received()).toEqual(["RST_STREAM 3 REFUSED_STREAM"]);
    handler.last.answer.respond({ head: okHead, body: noBody });
    peer.send(headers(5, get(), { end: true }));
    expect(handler.requests).toHaveLength(2);
  });

  test("that the peer resets is cancelled, and its body breaks off", () => {
    const handler = new TestHandler();
    const { peer } = serverUnderTest(handler.handle);
    peer.send(headers(1, post()), data(1, "x"));
    handler.last.request.body.pipe(handler.last.sink);
    peer.send(rst(1, ErrorCode.CANCEL));
    expect(handler.last.cancelledWith).toMatchObject({ code: Code.CANCELLED, side: "caller" });
    expect(handler.last.sink.failure).toMatchObject({ code: Code.CANCELLED });
    expect(peer.received()).toEqual([]);
  });

  test("under way when the connection is lost is cancelled", () => {
    const handler = new TestHandler();
    const { peer } = serverUnderTest(handler.handle);
    peer.send(headers(1, get(), { end: true }));
    peer.leave(new Error("ECONNRESET"));
    expect(handler.last.cancelledWith).toMatchObject({ code: Code.UNAVAILABLE });
    expect(peer.closedWith).toMatchObject({ message: "the connection was lost: ECONNRESET" });
  });
});

describe("an answer", () => {
  test("of one tick leaves in one write, END_STREAM on its last frame", () => {
    const { peer } = serverUnderTest(answering("hi"));
    peer.send(headers(1, get(), { end: true }), headers(3, get(), { end: true }));
    peer.writes = 0;
    expect(peer.received()).toEqual([
      "HEADERS 1 :status=200",
      'DATA 1 END "hi"',
      "HEADERS 3 :status=200",
      'DATA 3 END "hi"',
    ]);
    expect(peer.writes).toBe(1);
  });

  test("in several small writes of one tick is one DATA frame", () => {
    const handler = new TestHandler();
    const { peer } = serverUnderTest(handler.handle);
    peer.send(headers(1, get(), { end: true }));
    const body = new TestBody();
    handler.last.answer.respond({ head: okHead, body });
    body
      .write("he")
      .write("llo")
      .end(Fields.from([["grpc-status", "0"]]));
    expect(peer.received()).toEqual(["HEADERS 1 :status=200", 'DATA 1 "hello"', "HEADERS 1 END grpc-status=0"]);
    expect(body.credit).toBe(5);
  });

  test("that ends at once without a body ends with its head", () => {
    const handler = new TestHandler();
    const { peer } = serverUnderTest(handler.handle);
    peer.send(headers(1, get(), { end: true }));
    const body = new TestBody();
    handler.last.answer.respond({ head: okHead, body });
    body.end();
    expect(peer.received()).toEqual(["HEADERS 1 END :status=200"]);
  });

  test("to HEAD has no body", () => {
    const handler = new TestHandler();
    const { peer } = serverUnderTest(handler.handle);
    peer.send(headers(1, [[":method", "HEAD"], ...get().slice(1)], { end: true }));
    const body = new TestBody();
    handler.last.answer.respond({ head: okHead, body });
    expect(peer.received()).toEqual(["HEADERS 1 END :status=200"]);
    expect(body.cancelledWith).toBeDefined();
  });

  test("that ends before its request did asks the peer to stop, and what still comes is passed over", () => {
    const handler = new TestHandler();
    const { peer, server } = serverUnderTest(handler.handle);
    peer.send(headers(1, post()), data(1, "some"));
    handler.last.answer.respond({ head: okHead, body: noBody });
    expect(peer.received()).toEqual(["HEADERS 1 END :status=200", "RST_STREAM 1 NO_ERROR"]);
    peer.send(data(1, "more", { end: true }), rst(1));
    expect(peer.received()).toEqual([]);
    expect(server.activeStreams).toBe(0);
    expect(handler.last.cancelledWith).toBeUndefined();
  });

  test("that breaks off resets the stream with the code that says why", () => {
    const handler = new TestHandler();
    const { peer } = serverUnderTest(handler.handle);
    for (const [id, code] of [
      [1, Code.CANCELLED],
      [3, Code.INTERNAL],
      [5, Code.RESOURCE_EXHAUSTED],
    ] as const) {
      peer.send(headers(id, get(), { end: true }));
      const body = new TestBody();
      handler.last.answer.respond({ head: okHead, body });
      body.write("x").fail(new CallError(code, "broken", { side: "origin" }));
    }
    expect(peer.received().filter((line) => line.startsWith("RST"))).toEqual([
      "RST_STREAM 1 CANCEL",
      "RST_STREAM 3 INTERNAL_ERROR",
      "RST_STREAM 5 ENHANCE_YOUR_CALM",
    ]);
  });

  test("whose field cannot be sent harms nobody else: the compression table is emptied on both sides", () => {
    const handler = new TestHandler();
    const { peer } = serverUnderTest(handler.handle);
    const respond = (id: number, fields: Fields): void => {
      peer.send(headers(id, get(), { end: true }));
      handler.last.answer.respond({ head: { status: 200, fields }, body: noBody });
    };
    for (const id of [1, 3, 5]) respond(id, Fields.from([["x", "1"]]));
    respond(
      7,
      Fields.from([
        ["y", "1"],
        ["y", "1"],
        ["z", "a\nb"],
      ]),
    );
    for (const id of [9, 11])
      respond(
        id,
        Fields.from([
          ["x", "1"],
          ["y", "1"],
        ]),
      );
    expect(peer.received().slice(3)).toEqual([
      "RST_STREAM 7 INTERNAL_ERROR",
      "HEADERS 9 END :status=200 x=1 y=1",
      "HEADERS 11 END :status=200 x=1 y=1",
    ]);
  });
});

test("a handler that throws costs its own stream only", () => {
  const { peer } = serverUnderTest(({ head: { path } }, answer) => {
    if (path === "/bad") throw new Error("a defect");
    answer.respond({ head: okHead, body: noBody });
    return () => {};
  });
  peer.send(headers(1, get("/bad"), { end: true }), headers(3, get(), { end: true }));
  expect(peer.received()).toEqual(["RST_STREAM 1 INTERNAL_ERROR", "HEADERS 3 END :status=200"]);
});

describe("draining a server", () => {
  test("tells the peer, takes what was under way, names the last stream, and closes when all have ended", () => {
    const handler = new TestHandler();
    const { peer, server } = serverUnderTest(handler.handle);
    peer.send(headers(1, get(), { end: true }));
    server.drain();
    expect(peer.received()).toEqual(["GOAWAY last=2147483647 NO_ERROR", "PING 1"]);
    peer.send(headers(3, get(), { end: true }), ping(1, { ack: true }));
    expect(peer.received()).toEqual(["GOAWAY last=3 NO_ERROR"]);
    peer.send(headers(5, get(), { end: true }));
    expect(peer.received()).toEqual(["RST_STREAM 5 REFUSED_STREAM"]);
    for (const { answer } of handler.requests) answer.respond({ head: okHead, body: noBody });
    expect(peer.received()).toEqual(["HEADERS 1 END :status=200", "HEADERS 3 END :status=200"]);
    expect(peer.wire.ended).toBe(true);
    expect(peer.closedWith).toBeUndefined();
  });

  test("a connection that nobody uses closes after the round trip", () => {
    const { peer, server } = serverUnderTest(answering("hi"));
    server.drain();
    peer.send(ping(1, { ack: true }));
    expect(peer.closedWith).toBeUndefined();
  });

  test("a closed connection ends its calls, and is destroyed if the peer does not leave", () => {
    const handler = new TestHandler();
    const { peer, server } = serverUnderTest(handler.handle);
    peer.send(headers(1, get(), { end: true }));
    server.close();
    expect(handler.last.cancelledWith).toMatchObject({ code: Code.UNAVAILABLE });
    expect(peer.received()).toEqual(["GOAWAY last=1 NO_ERROR"]);
    expect(peer.wire.destroyed).toBe(false);
    peer.clock.advance(2000);
    expect(peer.wire.destroyed).toBe(true);
  });

  test("a connection that a request closes takes up no other that came with it", () => {
    const handler = new TestHandler();
    const { peer, server } = serverUnderTest((request, answer) => {
      server.close();
      return handler.handle(request, answer);
    });
    peer.send(headers(1, get(), { end: true }), headers(3, get(), { end: true }));
    expect(handler.requests.length).toBe(1);
    expect(handler.last.cancelledWith).toMatchObject({ code: Code.UNAVAILABLE });
    expect(peer.received()).toEqual(["GOAWAY last=1 NO_ERROR"]);
  });
});

describe("frames a server has to bear or refuse", () => {
  test("unknown frames, PRIORITY and padding change nothing", () => {
    const handler = new TestHandler();
    const { peer } = serverUnderTest(handler.handle);
    const block = [0x83, 0x86, 0x84];
    peer.send(
      frame(0xbe, 0xff, 7, [1, 2, 3]),
      frame(2, 0, 9, [0, 0, 0, 3, 16]),
      frame(1, 0x2c, 1, [2, 0, 0, 0, 3, 16, ...block, 0, 0]),
      frame(0, 0x9, 1, [3, 0x68, 0x69, 0, 0, 0]),
    );
    handler.last.request.body.pipe(handler.last.sink);
    expect(handler.last.sink.text).toBe("hi");
    expect(peer.received()).toEqual([]);
  });

  test("padding is given back to the windows without being consumed", () => {
    const handler = new TestHandler();
    const { peer } = serverUnderTest(handler.handle, { limits: { initialStreamWindow: 400, maxStreamWindow: 400 } });
    peer.send(headers(1, post()), frame(0, 8, 1, [255, ...Array.from({ length: 255 }, () => 0)]));
    expect(peer.received()).toEqual(["WINDOW_UPDATE 1 +256"]);
  });

  test.each<[string, Uint8Array, string]>([
    ["a frame before SETTINGS", ping(), "PROTOCOL_ERROR"],
    ["DATA on an idle stream", data(1, "x"), "PROTOCOL_ERROR"],
    ["WINDOW_UPDATE on an idle stream", windowUpdate(1, 1), "PROTOCOL_ERROR"],
    ["RST_STREAM on an idle stream", rst(1), "PROTOCOL_ERROR"],
    ["PRIORITY of four bytes on an idle stream", frame(2, 0, 1, [0, 0, 0, 0]), "GOAWAY last=0 FRAME_SIZE_ERROR"],
    ["a stream with an even number", headers(2, get(), { end: true }), "PROTOCOL_ERROR"],
    ["CONTINUATION without HEADERS", frame(9, 4, 1), "PROTOCOL_ERROR"],
    ["PUSH_PROMISE", frame(5, 4, 1, [0, 0, 0, 2]), "PROTOCOL_ERROR"],
    ["a frame longer than we said", frame(0xbe, 0, 0, new Uint8Array(16_385)), "FRAME_SIZE_ERROR"],
    ["PING of seven bytes", frame(6, 0, 0, new Uint8Array(7)), "FRAME_SIZE_ERROR"],
    ["a window beyond 2^31-1", windowUpdate(0, 0x7fffffff), "FLOW_CONTROL_ERROR"],
    ["an invalid index", frame(1, 5, 1, [0xff, 0x80, 0x01]), "COMPRESSION_ERROR"],
    ["a table larger than we said", frame(1, 5, 1, [0x3f, 0xe2, 0x1f]), "COMPRESSION_ERROR"],
  ])("%s ends the connection", (what, bytes, code) => {
    const first = what === "a frame before SETTINGS";
    const { peer } = serverUnderTest(answering("hi"), { greet: !first });
    if (first) peer.send(preface);
    peer.received();
    peer.send(bytes);
    expect(peer.received().at(-1)).toContain(code);
    expect(peer.closedWith).toBeInstanceOf(CallError);
  });

  test("a frame between HEADERS and its CONTINUATION ends the connection", () => {
    const { peer } = serverUnderTest(answering("hi"));
    peer.send(frame(1, 1, 1, [0x82]), ping());
    expect(peer.received()).toEqual(['GOAWAY last=0 PROTOCOL_ERROR "a frame between HEADERS and CONTINUATION"']);
  });

  test("DATA on a stream the peer has ended ends the connection", () => {
    const handler = new TestHandler();
    const { peer } = serverUnderTest(handler.handle);
    peer.send(headers(1, get(), { end: true }), data(1, "x"));
    expect(peer.received()[0]).toContain("STREAM_CLOSED");
  });
});

test("the head keeps its identity while the peer sends the same block, so that it can be carried through", () => {
  const handler = new TestHandler();
  const { peer } = serverUnderTest(handler.handle);
  for (const id of [1, 3, 5, 7]) peer.send(headers(id, get(), { end: true }));
  const heads = handler.requests.map(({ request }) => request.head);
  expect(heads[3]).toBe(heads[2]);
  expect(Object.isFrozen(heads[3])).toBe(true);
  expect(heads[0]).toEqual(heads[3]);
});
