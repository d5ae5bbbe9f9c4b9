import { describe, expect, test } from "vitest";
import { CallError } from "../call/error.ts";
import { Fields } from "../call/fields.ts";
import { Code } from "../call/status.ts";
import { TestBody, TestSink } from "../http2/testing/scripted-peer.ts";
import { Replay, ReplayMemory } from "./replay.ts";

function replayOf() {
  const body = new TestBody();
  const overflows: number[] = [];
  const memory = new ReplayMemory();
  const replay = new Replay(body, memory, () => overflows.push(1));
  const begin = () => {
    const sink = new TestSink();
    const tap = replay.tap();
    tap.pipe(sink);
    return { sink, tap };
  };
  return { body, replay, begin, overflows, memory };
}

const gone = new CallError(Code.UNAVAILABLE, "gone", { side: "origin" });

test("what one attempt got the next one gets from the beginning, and what follows", () => {
  const { body, begin } = replayOf();
  const first = begin();
  body.write("one ").write("two ");
  first.tap.cancel(gone);
  const second = begin();
  expect(second.sink.text).toBe("one two ");
  body.write("three");
  body.end(new Fields(["t", "u"]));
  expect(second.sink).toMatchObject({ text: "one two three", trailers: new Fields(["t", "u"]) });
  expect(first.sink.text).toBe("one two ");
});

test("a body that had ended is ended for the next attempt, too, and one that had failed fails it", () => {
  const ended = replayOf();
  ended.begin();
  ended.body.write("x").end();
  expect(ended.begin().sink).toMatchObject({ text: "x", trailers: Fields.empty });
  const failed = replayOf();
  failed.begin();
  failed.body.fail(gone);
  expect(failed.begin().sink.failure).toBe(gone);
});

test("the source is credited once for every byte, at the pace of the fastest", () => {
  const { body, begin } = replayOf();
  const first = begin();
  const second = begin();
  body.write("12345678");
  first.tap.consumed(5);
  expect(body.credit).toBe(5);
  second.tap.consumed(3);
  expect(body.credit).toBe(5);
  second.tap.consumed(5);
  expect(body.credit).toBe(8);
  begin().tap.consumed(8);
  expect(body.credit).toBe(8);
});

test("chunks are copied: the source may use its memory again", () => {
  const { body, begin } = replayOf();
  begin();
  const bytes = Uint8Array.of(97, 98);
  body.write(bytes);
  bytes.fill(0);
  expect(begin().sink.text).toBe("ab");
});

describe("a body that is too long", () => {
  test("is kept no more: it can be sent once", () => {
    const { body, replay, begin, overflows } = replayOf();
    const { sink } = begin();
    for (let i = 0; i < 5; i++) body.write(new Uint8Array(16_000));
    expect(overflows).toHaveLength(1);
    expect(replay.whole).toBe(false);
    expect(sink.bytes).toBe(80_000);
  });

  test("is kept nevertheless while nobody takes it: its source gets no credit", () => {
    const { body, replay, begin } = replayOf();
    begin().tap.cancel(gone);
    for (let i = 0; i < 5; i++) body.write(new Uint8Array(16_000));
    expect(replay.whole).toBe(true);
    expect(begin().sink.bytes).toBe(80_000);
  });

  test("fails the call when there is no memory left for it", () => {
    const { body, begin, memory } = replayOf();
    begin().tap.cancel(gone);
    memory.keep(new Uint8Array(32 * 1024 * 1024));
    body.write("x");
    expect(body.cancelledWith).toMatchObject({ code: Code.RESOURCE_EXHAUSTED });
    expect(begin().sink.failure).toMatchObject({ code: Code.RESOURCE_EXHAUSTED });
  });
});

test("what is kept is let go of when one attempt's answer counts", () => {
  const { body, replay, begin, memory } = replayOf();
  const { tap } = begin();
  body.write(new Uint8Array(60_000));
  tap.chosen = true;
  replay.settle();
  expect(memory.keep(new Uint8Array(32 * 1024 * 1024))).toBeDefined();
  tap.cancel(gone);
  expect(body.cancelledWith).toBe(gone);
});
