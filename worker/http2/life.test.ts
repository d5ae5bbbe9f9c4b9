import { describe, expect, test } from "vitest";
import { Code } from "../call/status.ts";
import { data, headers, ok, ping } from "./testing/frames.ts";
import { clientUnderTest, TestCall } from "./testing/scripted-peer.ts";

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
