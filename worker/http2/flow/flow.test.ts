import { describe, expect, test } from "vitest";
import { CallError } from "../../call/error.ts";
import { Code } from "../../call/status.ts";
import { data, get, headers, ok, ping, post, rst, settings, windowUpdate } from "../testing/frames.ts";
import {
  clientUnderTest,
  okHead,
  type Peer,
  serverUnderTest,
  TestBody,
  TestCall,
  TestHandler,
} from "../testing/scripted-peer.ts";

const kilobytes = (count: number): Uint8Array => new Uint8Array(count * 1024);

/** A server whose one answer the test writes. */
function answeringPeer(peerSettings: readonly (readonly [number, number])[] = []): { peer: Peer; body: TestBody } {
  const handler = new TestHandler();
  const { peer } = serverUnderTest(handler.handle, { peerSettings });
  peer.send(headers(1, get(), { end: true }));
  const body = new TestBody();
  handler.last.answer.respond({ head: okHead, body });
  peer.received();
  return { peer, body };
}

describe("what goes to the peer", () => {
  test("is framed by 16 KiB until the window is used up, and credit is given for what was framed", () => {
    const { peer, body } = answeringPeer();
    body.write(kilobytes(100));
    expect(peer.received()).toEqual([
      "DATA 1 16384 bytes",
      "DATA 1 16384 bytes",
      "DATA 1 16384 bytes",
      "DATA 1 16383 bytes",
    ]);
    expect(body.credit).toBe(65_535);
  });

  test("goes on when both windows have opened", () => {
    const { peer, body } = answeringPeer();
    body.write(kilobytes(100));
    body.end();
    peer.received();
    peer.send(windowUpdate(1, 100_000));
    expect(peer.received()).toEqual([]);
    peer.send(windowUpdate(0, 100_000));
    expect(peer.received()).toEqual(["DATA 1 16384 bytes", "DATA 1 16384 bytes", "DATA 1 END 4097 bytes"]);
    expect(body.credit).toBe(102_400);
  });

  test("follows INITIAL_WINDOW_SIZE up and down, below zero too", () => {
    const { peer, body } = answeringPeer([[4, 10]]);
    body.write("0123456789abcdef");
    expect(peer.received()).toEqual(['DATA 1 "0123456789"']);
    peer.send(settings([4, 5]), windowUpdate(1, 5));
    expect(peer.received()).toEqual(["SETTINGS ACK"]);
    peer.send(settings([4, 7]));
    expect(peer.received()).toEqual(["SETTINGS ACK", 'DATA 1 "ab"']);
  });

  test("waits while the transport is backed up, and its source gets no credit", () => {
    const { peer, body } = answeringPeer([[4, 1_000_000]]);
    peer.send(windowUpdate(0, 1_000_000));
    peer.wire.backedUp = true;
    body.write(kilobytes(1));
    peer.received();
    body.write(kilobytes(30));
    expect(peer.received()).toEqual([]);
    expect(body.credit).toBe(1024);
    peer.drain();
    expect(peer.received()).toEqual(["DATA 1 16384 bytes", "DATA 1 14336 bytes"]);
    expect(body.credit).toBe(31 * 1024);
  });

  test("shares the connection's window in turns of a frame", () => {
    const handler = new TestHandler();
    const { peer } = serverUnderTest(handler.handle, { peerSettings: [[4, 1_000_000]] });
    const bodies = [1, 3].map((id) => {
      peer.send(headers(id, get(), { end: true }));
      const body = new TestBody();
      handler.last.answer.respond({ head: okHead, body });
      return body;
    });
    bodies[0]!.write(kilobytes(150));
    bodies[1]!.write(kilobytes(50));
    peer.received();
    peer.send(windowUpdate(0, 65_536));
    expect(peer.received()).toEqual([
      "DATA 1 16384 bytes",
      "DATA 3 16384 bytes",
      "DATA 1 16384 bytes",
      "DATA 3 16384 bytes",
    ]);
  });

  test("that a source without regard for credit piles up breaks its stream off at the limit", () => {
    const handler = new TestHandler();
    const { peer } = serverUnderTest(handler.handle, { limits: { maxSendQueueBytes: 50_000 } });
    peer.send(headers(1, get(), { end: true }));
    const body = new TestBody();
    handler.last.answer.respond({ head: okHead, body });
    for (let i = 0; i < 20; i++) body.write(kilobytes(10));
    expect(body.cancelledWith).toMatchObject({ code: Code.RESOURCE_EXHAUSTED });
    expect(peer.received().at(-1)).toBe("RST_STREAM 1 ENHANCE_YOUR_CALM");
    expect(peer.counters.maxSendQueueBytes).toBe(1);
  });
});

describe("what comes from the peer", () => {
  const limits = { initialStreamWindow: 1000, maxStreamWindow: 1000, initialConnectionWindow: 70_000 };

  test("is given back when it is consumed, not when it arrives", () => {
    const { peer, client } = clientUnderTest({ limits });
    const call = new TestCall(client);
    peer.received();
    peer.send(headers(1, ok), data(1, new Uint8Array(900)));
    expect(peer.received()).toEqual([]);
    call.response!.body.consumed(400);
    expect(peer.received()).toEqual([]);
    call.response!.body.consumed(100);
    expect(peer.received()).toEqual(["WINDOW_UPDATE 1 +500"]);
  });

  test("beyond the stream's window is a stream error", () => {
    const { peer, client } = clientUnderTest({ limits });
    const call = new TestCall(client);
    peer.received();
    peer.send(headers(1, ok), data(1, new Uint8Array(1001)));
    expect(peer.received()).toEqual(["RST_STREAM 1 FLOW_CONTROL_ERROR"]);
    expect(call.sink.failure).toMatchObject({ code: Code.INTERNAL });
  });

  test("beyond the connection's window is a connection error", () => {
    const { peer, client } = clientUnderTest({ limits: { ...limits, initialConnectionWindow: 65_535 } });
    for (let i = 0; i < 70; i++) void new TestCall(client);
    for (let i = 0; i < 70; i++) peer.send(headers(i * 2 + 1, ok), data(i * 2 + 1, new Uint8Array(1000)));
    expect(peer.received().at(-1)).toContain("FLOW_CONTROL_ERROR");
  });

  test("and is not consumed when its stream ends is given back to the connection", () => {
    const { peer, client } = clientUnderTest({ limits: { ...limits, initialConnectionWindow: 65_536 } });
    for (let i = 0; i < 40; i++) {
      void new TestCall(client);
      peer.send(headers(i * 2 + 1, ok), data(i * 2 + 1, new Uint8Array(1000)), rst(i * 2 + 1));
    }
    expect(peer.received().filter((line) => line.startsWith("WINDOW_UPDATE "))).toEqual(["WINDOW_UPDATE +33000"]);
  });

  test("for a body whose taker has gone is thrown away, and given back to the connection only", () => {
    const handler = new TestHandler();
    const { peer } = serverUnderTest(handler.handle, { limits: { ...limits, initialConnectionWindow: 65_536 } });
    for (let i = 0; i < 40; i++) {
      peer.send(headers(i * 2 + 1, post()));
      handler.last.request.body.cancel(new CallError(Code.CANCELLED, "enough", { side: "edge" }));
      peer.send(data(i * 2 + 1, new Uint8Array(1000)));
    }
    expect(peer.received()).toEqual(["WINDOW_UPDATE +33000"]);
  });

  test("may be consumed after its stream has ended", () => {
    const { peer, client } = clientUnderTest({ limits: { ...limits, initialConnectionWindow: 65_536 } });
    for (let i = 0; i < 40; i++) {
      const call = new TestCall(client);
      peer.send(headers(i * 2 + 1, ok), data(i * 2 + 1, new Uint8Array(1000), { end: true }));
      call.response!.body.consumed(5000);
    }
    expect(peer.received().filter((line) => line.startsWith("WINDOW_UPDATE"))).toEqual(["WINDOW_UPDATE +33000"]);
  });
});

describe("windows grow with what a round trip brings", () => {
  const limits = { initialStreamWindow: 10_000, maxStreamWindow: 64_000, initialConnectionWindow: 70_000 };

  test("when that is much of the window, and no further than the limit", () => {
    const { peer, client } = clientUnderTest({ limits: { ...limits, maxConnectionWindow: 100_000 } });
    const call = new TestCall(client);
    peer.received();
    peer.send(headers(1, ok), data(1, new Uint8Array(5000)));
    expect(peer.received()).toEqual(["PING 1"]);
    call.response!.body.consumed(5000);
    peer.send(data(1, new Uint8Array(8000)), ping(1, { ack: true }));
    expect(peer.received()).toEqual(["WINDOW_UPDATE 1 +5000", "WINDOW_UPDATE +30000"]);
    // The stream has its part of that once it has been read on.
    call.response!.body.consumed(8000);
    expect(peer.received()).toEqual(["WINDOW_UPDATE 1 +18000"]);
    peer.send(data(1, new Uint8Array(10_000)));
    expect(peer.received()).toEqual(["PING 2"]);
  });

  test("to the limit, while round trips bring half a window", () => {
    const { peer, client } = clientUnderTest({
      limits: { ...limits, initialStreamWindow: 4000, maxStreamWindow: 30_000 },
    });
    const call = new TestCall(client);
    peer.send(headers(1, ok));
    const windows: number[] = [];
    let window = 4000;
    let pings = 0;
    let measuring = false;
    for (let round = 0; round < 30; round++) {
      windows.push(window);
      const lines: string[] = [];
      for (const bytes of [Math.ceil(window / 2), Math.floor(window / 2)]) {
        peer.send(data(1, new Uint8Array(bytes)));
        call.response!.body.consumed(bytes);
        lines.push(...peer.received());
      }
      window = 0;
      for (const line of lines) if (line.startsWith("WINDOW_UPDATE 1 ")) window += Number(line.split("+")[1]);
      // The answer comes a round trip after the question.
      if (measuring) peer.send(ping(++pings, { ack: true }));
      measuring = [...lines, ...peer.received()].some((line) => line.startsWith("PING"));
    }
    expect(windows.every((each) => each > 0 && each <= 30_000)).toBe(true);
    expect(Math.max(...windows)).toBeGreaterThan(15_000);
  });

  test("and that of a stream whose body nobody reads stays what it was", () => {
    const { peer, client } = clientUnderTest({ limits: { ...limits, maxConnectionWindow: 100_000 } });
    const [read, unread] = [new TestCall(client), new TestCall(client)];
    peer.received();
    peer.send(headers(1, ok), headers(3, ok), data(3, new Uint8Array(4000)), data(1, new Uint8Array(5000)));
    read.response!.body.consumed(5000);
    peer.send(data(1, new Uint8Array(8000)), ping(1, { ack: true }));
    read.response!.body.consumed(8000);
    expect(peer.received().filter((line) => line.includes(" 3 "))).toEqual([]);
    expect(unread.response).toBeDefined();
  });

  test("not when the peer could have sent more", () => {
    const { peer, client } = clientUnderTest({ limits });
    void new TestCall(client);
    peer.received();
    peer.send(headers(1, ok), data(1, new Uint8Array(5000)), ping(1, { ack: true }));
    expect(peer.received()).toEqual(["PING 1"]);
  });

  test("small bodies are not worth a PING", () => {
    const { peer, client } = clientUnderTest({ limits });
    void new TestCall(client);
    peer.received();
    peer.send(headers(1, ok), data(1, new Uint8Array(4000)));
    expect(peer.received()).toEqual([]);
  });
});

test("a response in full that nobody has taken yet survives the connection", () => {
  const { peer, client } = clientUnderTest();
  const call = new TestCall(client);
  peer.send(headers(1, ok), data(1, "x", { end: true }));
  peer.leave();
  expect(call.sink).toMatchObject({ text: "x", failure: undefined });
});
