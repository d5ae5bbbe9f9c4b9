import { describe, expect, test } from "vitest";
import { noBody } from "../call/http.ts";
import { Code } from "../call/status.ts";
import { data, get, headers, ok, ping } from "./testing/frames.ts";
import { clientUnderTest, okHead, serverUnderTest, TestCall, TestHandler } from "./testing/scripted-peer.ts";

describe("keepalive", () => {
  const lifetime = { keepaliveMs: 10_000, keepaliveTimeoutMs: 5000 };

  test("asks a silent peer that owes an answer, and gives up if it says nothing", () => {
    const { peer, client } = clientUnderTest({ lifetime });
    const call = new TestCall(client);
    peer.received();
    peer.clock.advance(9999);
    expect(peer.received()).toEqual([]);
    peer.clock.advance(1);
    expect(peer.received()).toEqual(["PING 1"]);
    peer.clock.advance(5000);
    expect(call.failure).toMatchObject({ code: Code.UNAVAILABLE, message: "no answer to a PING within 5000 ms" });
    expect(peer.closedWith).toBe(call.failure);
  });

  test("goes on with a peer that answers", () => {
    const { peer, client } = clientUnderTest({ lifetime });
    void new TestCall(client);
    for (let i = 1; i <= 5; i++) {
      peer.clock.advance(10_000);
      expect(peer.received()).toContain(`PING ${i}`);
      peer.clock.advance(4000);
      peer.send(ping(i, { ack: true }));
    }
    expect(peer.closedWith).toBe("open");
  });

  test("does not ask a peer that is talking", () => {
    const { peer, client } = clientUnderTest({ lifetime });
    void new TestCall(client);
    peer.send(headers(1, ok));
    peer.received();
    for (let i = 0; i < 10; i++) {
      peer.clock.advance(6000);
      peer.send(data(1, "something"));
    }
    expect(peer.received()).toEqual([]);
  });

  test("without calls only if it was asked for", () => {
    const without = clientUnderTest({ lifetime }).peer;
    without.clock.advance(100_000);
    expect(without.received()).toEqual([]);
    const idle = clientUnderTest({ lifetime: { ...lifetime, keepaliveWithoutCalls: true } }).peer;
    idle.clock.advance(10_000);
    expect(idle.received()).toEqual(["PING 1"]);
  });
});

test("an idle connection closes in time, one with a call under way does not", () => {
  const { peer, client } = clientUnderTest({ lifetime: { idleMs: 30_000 } });
  peer.clock.advance(20_000);
  void new TestCall(client);
  peer.clock.advance(100_000);
  expect(peer.closedWith).toBe("open");
  peer.send(headers(1, ok, { end: true }));
  peer.received();
  peer.clock.advance(29_999);
  expect(peer.closedWith).toBe("open");
  peer.clock.advance(1);
  expect(peer.closedWith).toBeUndefined();
  expect(peer.received()).toEqual(["GOAWAY last=0 NO_ERROR"]);
  peer.leave();
  expect(peer.clock.pending).toBe(0);
});

describe("a connection's age", () => {
  test("ends it in two steps, and its last calls when the grace is over", () => {
    const handler = new TestHandler();
    const lifetime = { maxAgeMs: 60_000, maxAgeGraceMs: 10_000 };
    const { peer } = serverUnderTest(handler.handle, { lifetime });
    peer.send(headers(1, get(), { end: true }));
    peer.clock.advance(60_000);
    expect(peer.received()).toEqual(["GOAWAY last=2147483647 NO_ERROR", "PING 1"]);
    peer.send(ping(1, { ack: true }));
    expect(peer.received()).toEqual(["GOAWAY last=1 NO_ERROR"]);
    peer.clock.advance(10_000);
    expect(handler.last.cancelledWith).toMatchObject({ code: Code.UNAVAILABLE });
    expect(peer.closedWith).toBeUndefined();
  });

  test("waits for them otherwise", () => {
    const handler = new TestHandler();
    const { peer } = serverUnderTest(handler.handle, { lifetime: { maxAgeMs: 60_000 } });
    peer.send(headers(1, get(), { end: true }));
    peer.clock.advance(60_000);
    peer.send(ping(1, { ack: true }));
    peer.clock.advance(1_000_000);
    expect(peer.closedWith).toBe("open");
    handler.last.answer.respond({ head: okHead, body: noBody });
    expect(peer.closedWith).toBeUndefined();
  });

  test.each([
    [0, 54_000],
    [0.5, 60_000],
    [1, 66_000],
  ])("spreads with random %d to %d ms", (random, ms) => {
    const { peer } = clientUnderTest({ lifetime: { maxAgeMs: 60_000, random: () => random } });
    peer.clock.advance(ms - 1);
    expect(peer.closedWith).toBe("open");
    peer.clock.advance(1);
    expect(peer.closedWith).toBeUndefined();
  });
});
