/** Both roles back to back, as a gateway has them: a caller's connection, whose handler is a connection to an origin. */
import { describe, expect, test } from "vitest";
import { ErrorCode } from "./error.ts";
import { data, goAway, headers, ok, post, rst, windowUpdate } from "./testing/frames.ts";
import { clientUnderTest, type Peer, serverUnderTest } from "./testing/scripted-peer.ts";

function proxy(): { caller: Peer; origin: Peer } {
  const limits = { initialStreamWindow: 100_000, maxStreamWindow: 100_000 };
  const { peer: origin, client } = clientUnderTest({ limits });
  const { peer: caller } = serverUnderTest(client.handle, { limits });
  return { caller, origin };
}

const bytes = (count: number): Uint8Array => new Uint8Array(count);
const dataBytes = (lines: readonly string[]): number =>
  lines.reduce((sum, line) => sum + Number(/^DATA .* (\d+) bytes$/.exec(line)?.[1] ?? 0), 0);

test("a call crosses in one tick each way", () => {
  const { caller, origin } = proxy();
  caller.send(headers(1, [...post("/a"), ["te", "trailers"]]), data(1, "question", { end: true }));
  expect(origin.received()).toEqual([
    "HEADERS 1 :method=POST :scheme=http :path=/a :authority=test te=trailers",
    'DATA 1 END "question"',
  ]);
  origin.send(headers(1, [...ok, ["x", "y"]]), data(1, "answer"), headers(1, [["grpc-status", "0"]], { end: true }));
  expect(caller.received()).toEqual(["HEADERS 1 :status=200 x=y", 'DATA 1 "answer"', "HEADERS 1 END grpc-status=0"]);
});

describe("back-pressure", () => {
  test("a caller that does not read stops the origin at one window, and sets it going again", () => {
    const { caller, origin } = proxy();
    caller.send(headers(1, post(), { end: true }));
    origin.send(headers(1, ok));
    origin.received();
    let sent = 0;
    for (let i = 0; i < 15; i++, sent += 10_000) origin.send(data(1, bytes(10_000)));
    // 65,535 went on to the caller, of which half the origin's window was given back; the rest waits.
    expect(dataBytes(caller.received())).toBe(65_535);
    const [update, ...more] = origin.received();
    expect(update).toMatch(/^WINDOW_UPDATE 1 \+(5|6)\d{4}$/);
    expect(more).toEqual([]);
    caller.send(windowUpdate(0, 1_000_000), windowUpdate(1, 1_000_000));
    expect(dataBytes(caller.received())).toBe(sent - 65_535);
    expect(origin.received()[0]).toMatch(/^WINDOW_UPDATE 1 /);
  });

  test("an origin that does not read stops the caller the same way", () => {
    const { caller, origin } = proxy();
    caller.send(headers(1, post()));
    for (let i = 0; i < 10; i++) caller.send(data(1, bytes(10_000)));
    expect(dataBytes(origin.received())).toBe(65_535);
    expect(caller.received()).toHaveLength(1);
    origin.send(windowUpdate(0, 1_000_000), windowUpdate(1, 1_000_000));
    expect(dataBytes(origin.received())).toBe(100_000 - 65_535);
  });

  test("a caller's transport that is backed up is felt by the origin", () => {
    const { caller, origin } = proxy();
    caller.send(headers(1, post(), { end: true }), windowUpdate(0, 1_000_000), windowUpdate(1, 1_000_000));
    origin.send(headers(1, ok));
    caller.wire.backedUp = true;
    caller.received();
    origin.received();
    for (let i = 0; i < 10; i++) origin.send(data(1, bytes(10_000)));
    expect(dataBytes(caller.received())).toBe(0);
    expect(origin.received()).toEqual([]);
    caller.drain();
    expect(dataBytes(caller.received())).toBe(100_000);
  });
});

describe("an end before its time", () => {
  test("an answer that ends before the request did reaches the caller whole, and the upload stops on both sides", () => {
    const { caller, origin } = proxy();
    caller.send(headers(1, post()), data(1, "part"));
    origin.received();
    origin.send(headers(1, [[":status", "413"]]), data(1, "too much", { end: true }));
    expect(caller.received()).toEqual(["HEADERS 1 :status=413", 'DATA 1 END "too much"', "RST_STREAM 1 NO_ERROR"]);
    expect(origin.received()).toEqual(["RST_STREAM 1 NO_ERROR"]);
    caller.send(data(1, "more", { end: true }));
    expect([...caller.received(), ...origin.received()]).toEqual([]);
  });

  test("a caller that cancels cancels the origin's stream", () => {
    const { caller, origin } = proxy();
    caller.send(headers(1, post()));
    origin.received();
    caller.send(rst(1));
    expect(origin.received()).toEqual(["RST_STREAM 1 CANCEL"]);
    expect(caller.received()).toEqual([]);
  });

  test("an origin's reset reaches the caller as the reset it is", () => {
    const { caller, origin } = proxy();
    for (const [id, code] of [
      [1, ErrorCode.CANCEL],
      [3, ErrorCode.ENHANCE_YOUR_CALM],
      [5, ErrorCode.REFUSED_STREAM],
    ] as const) {
      caller.send(headers(id, post()));
      origin.send(rst(id, code));
    }
    expect(caller.received()).toEqual([
      "RST_STREAM 1 CANCEL",
      "RST_STREAM 3 ENHANCE_YOUR_CALM",
      "RST_STREAM 5 REFUSED_STREAM",
    ]);
  });

  test("an origin that goes away without having begun refuses the caller's streams", () => {
    const { caller, origin } = proxy();
    caller.send(headers(1, post()), headers(3, post()));
    origin.send(goAway(1));
    expect(caller.received()).toEqual(["RST_STREAM 3 REFUSED_STREAM"]);
  });

  test("a connection that is lost breaks the other's streams, not the other", () => {
    const { caller, origin } = proxy();
    caller.send(headers(1, post()));
    origin.leave();
    expect(caller.received()).toEqual(["RST_STREAM 1 INTERNAL_ERROR"]);
    expect(caller.closedWith).toBe("open");
  });
});
