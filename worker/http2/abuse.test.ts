import { describe, expect, test } from "vitest";
import { noBody } from "../call/http.ts";
import { Code } from "../call/status.ts";
import type { Http2Limits } from "./limits.ts";
import {
  data,
  type FieldList,
  frame,
  get,
  headers,
  join,
  ok,
  ping,
  post,
  rst,
  settings,
  windowUpdate,
} from "./testing/frames.ts";
import {
  answering,
  clientUnderTest,
  okHead,
  type Peer,
  serverUnderTest,
  TestBody,
  TestCall,
  TestHandler,
} from "./testing/scripted-peer.ts";

const times = (count: number, make: (i: number) => Uint8Array): Uint8Array[] =>
  Array.from({ length: count }, (_, i) => make(i));

/** The connection was told to calm down, and the limit counted. */
function expectCalmed(peer: Peer, limit: keyof Http2Limits): void {
  expect(peer.received().at(-1)).toContain(`ENHANCE_YOUR_CALM "${limit}"`);
  expect(peer.counters[limit]).toBe(1);
  expect(peer.closedWith).toMatchObject({ code: Code.UNAVAILABLE });
}

describe("floods: the burst is borne, what goes on ends the connection", () => {
  const floods: [keyof Http2Limits, (i: number) => Uint8Array][] = [
    ["pingBurst", () => ping(7)],
    ["pingBurst", () => ping(7, { ack: true })],
    ["settingsBurst", () => settings()],
    ["idleFrameBurst", () => frame(2, 0, 1, [0, 0, 0, 0, 16])],
    ["idleFrameBurst", () => frame(0xee, 0, 0)],
    ["emptyDataBurst", () => data(1, "")],
    ["smallDataBurst", () => data(1, "x")],
    ["windowUpdateBurst", () => windowUpdate(1, 1)],
    ["resetBurst", (i) => join(headers(i * 2 + 3, get(), { end: true }), rst(i * 2 + 3))],
  ];

  test.each(floods)("%s", (limit, make) => {
    const handler = new TestHandler();
    const { peer } = serverUnderTest(handler.handle, { limits: { [limit]: 10 } });
    peer.send(headers(1, post()));
    peer.send(...times(9, make));
    expect(peer.closedWith).toBe("open");
    peer.send(...times(2, (i) => make(i + 9)));
    expectCalmed(peer, limit);
  });

  test("DATA of which a read brought no more than the header is not empty", () => {
    const { peer } = serverUnderTest(new TestHandler().handle, { limits: { emptyDataBurst: 10 } });
    peer.send(headers(1, post()));
    const whole = data(1, "hello");
    for (let i = 0; i < 20; i++) {
      peer.send(whole.subarray(0, 9));
      peer.send(whole.subarray(9));
    }
    expect(peer.closedWith).toBe("open");
  });

  test("DATA that is nothing but padding is empty", () => {
    const { peer } = serverUnderTest(new TestHandler().handle, { limits: { emptyDataBurst: 10 } });
    peer.send(headers(1, post()));
    peer.send(...times(11, () => frame(0, 8, 1, [9, 0, 0, 0, 0, 0, 0, 0, 0, 0])));
    expectCalmed(peer, "emptyDataBurst");
  });

  test("a peer that calls a lot may also ping, cancel and update a lot", () => {
    const { peer } = serverUnderTest(answering("hi"), {
      limits: { pingBurst: 10, resetBurst: 10, windowUpdateBurst: 10 },
    });
    for (let i = 0; i < 100; i++) {
      const id = i * 4 + 1;
      peer.send(headers(id, get(), { end: true }), ping(i), windowUpdate(id, 1), windowUpdate(0, 1));
      if (i % 2 === 0) peer.send(headers(id + 2, post()), rst(id + 2));
      peer.tick();
    }
    expect(peer.closedWith).toBe("open");
  });

  test("a budget comes back with time", () => {
    const { peer } = serverUnderTest(answering("hi"), { limits: { pingBurst: 10 } });
    for (let second = 0; second < 100; second++) {
      peer.send(ping(second));
      peer.clock.advance(1000);
    }
    expect(peer.closedWith).toBe("open");
  });
});

test("rapid reset: streams the peer cancels take no handler's time beyond their cancel, and the burst is limited", () => {
  const handler = new TestHandler();
  const { peer } = serverUnderTest(handler.handle);
  for (let i = 0; i < 2000; i++) peer.send(headers(i * 2 + 1, get(), { end: true }), rst(i * 2 + 1));
  expectCalmed(peer, "resetBurst");
  expect(handler.requests).toHaveLength(1001);
  expect(handler.requests.every(({ cancelledWith }) => cancelledWith !== undefined)).toBe(true);
});

test("MadeYouReset: streams that the peer makes us reset are limited like those it resets itself", () => {
  const handler = new TestHandler();
  const { peer } = serverUnderTest(handler.handle);
  for (let i = 0; i < 300; i++) peer.send(headers(i * 2 + 1, get(), { end: true }), windowUpdate(i * 2 + 1, 0));
  expectCalmed(peer, "provokedResetBurst");
  expect(handler.requests.every(({ cancelledWith }) => cancelledWith !== undefined)).toBe(true);
});

test("streams refused at MAX_CONCURRENT_STREAMS are limited, but not those of a client that could not know yet", () => {
  const { peer } = serverUnderTest(new TestHandler().handle, { limits: { maxConcurrentStreams: 1 } });
  peer.send(...times(1000, (i) => headers(i * 2 + 1, get(), { end: true })));
  expect(peer.closedWith).toBe("open");
  peer.send(...times(300, (i) => headers(i * 2 + 2001, get(), { end: true })));
  expectCalmed(peer, "resetBurst");
});

describe("header blocks", () => {
  test("CONTINUATION flood: frames are counted", () => {
    const { peer } = serverUnderTest(answering("hi"));
    peer.send(frame(1, 1, 1, [0x82]), ...times(20, () => frame(9, 0, 1)));
    expectCalmed(peer, "maxContinuations");
  });

  test("CONTINUATION flood: bytes are counted before anything is decoded", () => {
    const { peer } = serverUnderTest(answering("hi"), {
      limits: { maxHeaderListBytes: 10_000, maxContinuations: 1000 },
    });
    peer.send(frame(1, 1, 1, [0x82]), ...times(10, () => frame(9, 0, 1, new Uint8Array(16_000))));
    expectCalmed(peer, "maxHeaderListBytes");
  });

  test("HPACK bomb: one large entry, referred to again and again, is not multiplied in memory", () => {
    const handler = new TestHandler();
    const { peer } = serverUnderTest(handler.handle);
    // x with a value of 127 + 29 * 128 bytes.
    const value = new Uint8Array(127 + 29 * 128).fill(0x79);
    peer.send(frame(1, 5, 1, [0x82, 0x86, 0x84, 0x40, 1, 0x78, 127, 0x80, 29, ...value]));
    expect(handler.requests).toHaveLength(1);
    peer.send(frame(1, 5, 3, [0x82, 0x86, 0x84, ...new Uint8Array(16_000).fill(0xbe)]));
    expect(peer.received()).toEqual(["HEADERS 3 END :status=431 content-length=0"]);
    expect(peer.counters.maxHeaderListBytes).toBe(1);
  });

  test("thousands of tiny fields or cookie crumbs are over the field limit", () => {
    const { peer } = serverUnderTest(answering("hi"));
    const crumbs: FieldList = Array.from({ length: 300 }, () => ["cookie", ""]);
    peer.send(headers(1, [...get(), ...crumbs], { end: true }));
    expect(peer.received()).toEqual(["HEADERS 1 END :status=431 content-length=0"]);
  });

  test("table churn: a table that is filled, emptied and resized stays within its size", () => {
    const { peer } = serverUnderTest(answering("hi"));
    const churn = [0x20, 0x3f, 0xe1, 0x1f, 0x82, 0x86, 0x84];
    for (let i = 0; i < 200; i++) churn.push(0x40, 1, 0x78, 2, 0x61 + (i % 26), 0x61 + ((i >> 2) % 26));
    for (let i = 0; i < 50; i++) peer.send(frame(1, 5, i * 2 + 1, churn));
    expect(peer.received().filter((line) => line.startsWith("DATA"))).toHaveLength(50);
  });

  test("an integer beyond all bounds is an error, not a loop", () => {
    const { peer } = serverUnderTest(answering("hi"));
    peer.send(frame(1, 5, 1, [0xff, ...new Uint8Array(1000).fill(0xff)]));
    expect(peer.received()[0]).toContain("COMPRESSION_ERROR");
  });

  test("interim answers without end fail the call", () => {
    const { peer, client } = clientUnderTest();
    const call = new TestCall(client);
    peer.send(...times(40, () => headers(1, [[":status", "103"]])));
    expect(call.failure).toMatchObject({ code: Code.RESOURCE_EXHAUSTED });
    expect(peer.counters.maxInterimResponses).toBe(1);
  });
});

describe("peers that do not read", () => {
  test("one that makes us answer and takes nothing is left at the bound", () => {
    const { peer } = serverUnderTest(answering("hi"), { limits: { maxBlockedBytes: 10_000 } });
    peer.wire.backedUp = true;
    for (let i = 0; i < 150; i++) {
      peer.send(...times(10, () => ping(i)));
      peer.tick();
      peer.clock.advance(1000);
    }
    expect(peer.counters.maxBlockedBytes).toBe(1);
    expect(peer.wire.sent.reduce((sum, { length }) => sum + length, 0)).toBeLessThan(12_000);
  });

  test("a transport that stays backed up is given up", () => {
    const { peer } = serverUnderTest(answering("hi"));
    peer.wire.backedUp = true;
    peer.send(ping(1));
    peer.tick();
    peer.clock.advance(59_999);
    expect(peer.closedWith).toBe("open");
    peer.clock.advance(1);
    expectCalmed(peer, "writeStallMs");
  });

  test("a transport that moves, slowly but steadily, is not given up until it stops", () => {
    const { peer } = serverUnderTest(answering("hi"));
    peer.wire.backedUp = true;
    peer.wire.moved = 0;
    peer.send(ping(1));
    peer.tick();
    for (let minute = 0; minute < 10; minute++) {
      peer.wire.moved += 30_000;
      peer.clock.advance(60_000);
    }
    expect(peer.closedWith).toBe("open");
    peer.clock.advance(60_000);
    expectCalmed(peer, "writeStallMs");
  });

  test("a transport that drains in time is not", () => {
    const { peer } = serverUnderTest(answering("hi"));
    peer.wire.backedUp = true;
    peer.send(ping(1));
    peer.tick();
    peer.drain();
    peer.clock.advance(100_000);
    expect(peer.closedWith).toBe("open");
  });

  test("a stream whose window stays closed is given up; its neighbour, which moves on, is not", () => {
    const handler = new TestHandler();
    const { peer } = serverUnderTest(handler.handle, { peerSettings: [[4, 10]] });
    const bodies = [1, 3].map((id) => {
      peer.send(headers(id, get(), { end: true }));
      const body = new TestBody();
      handler.last.answer.respond({ head: okHead, body });
      body.write("a body of more than ten bytes, of many more than that");
      return body;
    });
    for (let minute = 0; minute < 7; minute++) {
      peer.clock.advance(60_000);
      peer.send(windowUpdate(3, 2));
    }
    expect(bodies[0]!.cancelledWith).toMatchObject({ code: Code.RESOURCE_EXHAUSTED });
    expect(bodies[1]!.cancelledWith).toBeUndefined();
    expect(peer.received()).toContain("RST_STREAM 1 ENHANCE_YOUR_CALM");
    expect(peer.counters.sendStallMs).toBe(1);
  });

  test("a body nobody takes costs its window, no more", () => {
    const handler = new TestHandler();
    const { peer } = serverUnderTest(handler.handle, { limits: { initialStreamWindow: 1000 } });
    peer.send(headers(1, post()), data(1, new Uint8Array(1000)), data(1, "x"));
    expect(peer.received().at(-1)).toBe("RST_STREAM 1 FLOW_CONTROL_ERROR");
  });
});

describe("bytes that trickle", () => {
  test("a peer that never says hello is left", () => {
    const { peer } = serverUnderTest(answering("hi"), { greet: false });
    peer.clock.advance(30_000);
    expectCalmed(peer, "readStallMs");
  });

  test("a header block that does not end is not waited for", () => {
    const { peer } = serverUnderTest(answering("hi"));
    peer.send(frame(1, 1, 1, [0x82]));
    for (let i = 0; i < 15; i++) {
      peer.clock.advance(2000);
      peer.send(frame(9, 0, 1, [0x86]));
    }
    expectCalmed(peer, "readStallMs");
  });

  test("nor is a frame whose bytes come one by one", () => {
    const { peer } = serverUnderTest(answering("hi"));
    const bytes = headers(1, [...get(), ["x", "y".repeat(60)]], { end: true });
    for (let i = 0; i < 31; i++) {
      peer.send(bytes.subarray(i, i + 1));
      peer.clock.advance(1000);
    }
    expectCalmed(peer, "readStallMs");
  });

  test("whole frames may come as slowly as they like", () => {
    const { peer } = serverUnderTest(answering("hi"));
    for (let i = 0; i < 20; i++) {
      const bytes = headers(i * 2 + 1, get(), { end: true });
      peer.send(bytes.subarray(0, 20));
      peer.clock.advance(20_000);
      peer.send(bytes.subarray(20));
    }
    expect(peer.closedWith).toBe("open");
  });
});

test("a client bears an origin's floods the same way", () => {
  const { peer, client } = clientUnderTest({ limits: { settingsBurst: 10 } });
  const call = new TestCall(client);
  peer.send(headers(1, ok), ...times(11, () => settings()));
  expectCalmed(peer, "settingsBurst");
  expect(call.sink.failure).toMatchObject({ code: Code.UNAVAILABLE, side: "origin" });
});

describe("an origin that answers 500 calls a second may, with each answer,", () => {
  const oddities: [string, (id: number) => Uint8Array[]][] = [
    ["send an empty DATA frame", (id) => [headers(id, ok), data(id, ""), data(id, "hello", { end: true })]],
    [
      "send ten of four bytes",
      (id) => [headers(id, ok), ...times(10, () => data(id, "ping")), data(id, "hello", { end: true })],
    ],
    [
      "give a wrong content-length",
      (id) => [headers(id, [...ok, ["content-length", "3"]]), data(id, "hello", { end: true })],
    ],
  ];

  test.each(oddities)("%s", (_, answer) => {
    const { peer, client } = clientUnderTest();
    for (let id = 1; id < 10_000; id += 2) {
      const { response } = new TestCall(client);
      peer.received();
      peer.send(...answer(id));
      response?.body.consumed(50);
      peer.clock.advance(2);
    }
    expect(peer.closedWith).toBe("open");
  });
});

describe("an origin whose frames nobody asked for is left:", () => {
  test.each<[keyof Http2Limits, () => Uint8Array]>([
    ["emptyDataBurst", () => data(1, "")],
    ["smallDataBurst", () => data(1, "x")],
  ])("%s", (limit, make) => {
    const { peer, client } = clientUnderTest();
    void new TestCall(client);
    peer.send(headers(1, ok), ...times(3000, make));
    expectCalmed(peer, limit);
  });

  test("errors on streams that are not under way", () => {
    const { peer, client } = clientUnderTest();
    void new TestCall(client);
    // A PRIORITY that depends on itself.
    peer.send(headers(1, ok, { end: true }), ...times(2100, () => frame(2, 0, 1, [0, 0, 0, 1, 16])));
    expectCalmed(peer, "idleFrameBurst");
  });
});

test("MadeYouReset by one who sees as many answers through is borne; what goes on without them ends the connection", () => {
  const answered = answering("hi");
  const { peer } = serverUnderTest(
    (request, answer) => (request.head.method === "GET" ? answered(request, answer) : () => {}),
    { limits: { provokedResetBurst: 10 } },
  );
  const provoked = (id: number): Uint8Array => join(headers(id, post()), windowUpdate(id, 0));
  for (let id = 1; id < 400; id += 4) {
    peer.send(headers(id, get(), { end: true }), provoked(id + 2));
    peer.tick();
  }
  expect(peer.closedWith).toBe("open");
  peer.send(...times(21, (i) => provoked(i * 2 + 401)));
  expectCalmed(peer, "provokedResetBurst");
});

test("a well-behaved connection beside an attacked one, sharing its handler and counters, is unharmed", () => {
  const handler = new TestHandler();
  const attacked = serverUnderTest(handler.handle).peer;
  const neighbour = serverUnderTest(handler.handle, { counters: attacked.counters }).peer;
  neighbour.send(headers(1, post()));
  const { answer, request, sink } = handler.last;
  request.body.pipe(sink);
  attacked.send(...times(500, () => ping(1)));
  expect(attacked.closedWith).not.toBe("open");
  neighbour.send(data(1, "still here", { end: true }));
  answer.respond({ head: okHead, body: noBody });
  expect(sink.text).toBe("still here");
  expect(neighbour.received()).toEqual(["HEADERS 1 END :status=200"]);
});
