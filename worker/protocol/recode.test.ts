import { gzipSync, inflateSync } from "node:zlib";
import { expect, test } from "vitest";
import { CallError } from "../call/error.ts";
import { Fields } from "../call/fields.ts";
import type { HttpResponse } from "../call/http.ts";
import { Code } from "../call/status.ts";
import { envelope, envelopePrefix, EnvelopeSplitter } from "../wire/envelope.ts";
import { expansionLimit, webCompressions } from "./compression.ts";
import { translateResponse } from "./index.ts";
import { maxMessageBytes } from "./limits.ts";
import { recode } from "./recode.ts";
import { cut, join, seeded, TestSink, TestSource } from "./testing.ts";

const gzip = webCompressions.get("gzip");
const deflate = webCompressions.get("deflate");
const side = "origin";
const bodies = [1000, 0, 1, 70_000, 20].map((length, i) => Uint8Array.from({ length }, (_, at) => (at * i) & 255));
const compressed = join(...bodies.map((body, i) => (i === 2 ? envelope(0, body) : envelope(1, gzipSync(body)))));

/** Waits until `sink` is over; conversions take turns of the event loop. */
async function over<E>(sink: TestSink<E>): Promise<TestSink<E>> {
  while (!sink.over) await new Promise((resolve) => setImmediate(resolve));
  return sink;
}

function messages(bytes: Uint8Array): { flags: number; bytes: Uint8Array }[] {
  const found: { flags: number; pieces: Uint8Array[] }[] = [];
  new EnvelopeSplitter({
    begin: (flags) => found.push({ flags, pieces: [] }),
    piece: (piece) => found.at(-1)!.pieces.push(piece),
    complete() {},
  }).push(bytes);
  return found.map(({ flags, pieces }) => ({ flags, bytes: join(...pieces) }));
}

/** Bytes that do not compress. */
function seededBytes(length: number): Uint8Array {
  const random = seeded(1);
  return Uint8Array.from({ length }, () => random() * 256);
}

test("compressed messages come out plain and in order, wherever they are cut, with credit for all of them", async () => {
  for (let seed = 0; seed < 5; seed++) {
    const source = new TestSource(cut(compressed, seeded(seed), 500), Fields.empty, 200);
    const sink = await over(new TestSink(recode(source, { from: gzip, to: undefined, side })));
    expect(messages(sink.bytes)).toEqual(bodies.map((bytes) => ({ flags: 0, bytes })));
    expect(sink.ended).toBe(Fields.empty);
    expect(source.outstanding).toBe(0);
  }
});

test("messages change from one compression to another, empty ones to none", async () => {
  const source = new TestSource([compressed.slice()], Fields.empty);
  const sink = await over(new TestSink(recode(source, { from: gzip, to: deflate, side })));
  const found = messages(sink.bytes);
  expect(found.map(({ flags }) => flags)).toEqual([1, 0, 1, 1, 1]);
  const plain = found.map(({ flags, bytes }) => (flags === 1 ? Uint8Array.from(inflateSync(bytes)) : bytes));
  expect(plain).toEqual(bodies);
});

test("a reader who takes nothing holds the source back, and only so much is decompressed", async () => {
  const message = envelope(1, gzipSync(new Uint8Array(100_000)));
  const source = new TestSource(
    Array.from({ length: 50 }, () => message.slice()),
    Fields.empty,
    message.length * 3,
  );
  const step = recode(source, { from: gzip, to: undefined, side });
  const sink = new TestSink(step, false);
  while (sink.bytes.length === 0) await new Promise((resolve) => setImmediate(resolve));
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
  expect(sink.bytes.length).toBe(100_005);
  let taken = 0;
  while (!sink.over) {
    const more = sink.bytes.length - taken;
    taken += more;
    if (more > 0) step.consumed(more);
    await new Promise((resolve) => setImmediate(resolve));
  }
  step.consumed(sink.bytes.length - taken);
  expect(sink.bytes.length).toBe(50 * 100_005);
  expect(source.outstanding).toBe(0);
});

test("messages that wait are not credited, not even empty ones", async () => {
  const first = envelope(1, gzipSync(new Uint8Array(100)));
  const empty = Array.from({ length: 1000 }, () => envelope(0, new Uint8Array(0)));
  const source = new TestSource([first, ...empty], Fields.empty, 500);
  const sink = new TestSink(recode(source, { from: gzip, to: undefined, side }));
  expect(source.outstanding).toBeGreaterThanOrEqual(500);
  await over(sink);
  expect(messages(sink.bytes).map(({ bytes }) => bytes.length)).toEqual([100, ...empty.map(() => 0)]);
  expect(source.outstanding).toBe(0);
});

test("messages that stay what they are pass at once, many in one piece", () => {
  const plain = join(...Array.from({ length: 3000 }, (_, i) => envelope(0, new Uint8Array(i % 3))));
  const source = new TestSource([plain.slice()], Fields.empty);
  const sink = new TestSink(recode(source, { from: gzip, to: undefined, side }));
  expect(sink.bytes).toEqual(plain);
  expect(sink.ended).toBe(Fields.empty);
  expect(sink.chunks).toHaveLength(1);
  expect(source.outstanding).toBe(0);
});

test("of many messages at hand a reader gets no more at a time than may wait for him", async () => {
  const waiting = 64 * 1024;
  const plain = envelope(0, new Uint8Array(3));
  const whole = join(envelope(1, gzipSync(new Uint8Array(0))), ...Array.from({ length: 50_000 }, () => plain));
  const source = new TestSource([whole], Fields.empty);
  const step = recode(source, { from: gzip, to: undefined, side });
  const sink = new TestSink(step, false);
  for (let taken = 0; !sink.over; await new Promise((resolve) => setImmediate(resolve))) {
    const given = sink.bytes.length - taken;
    expect(given).toBeLessThan(waiting + plain.length);
    taken += given;
    if (given > 0) step.consumed(given);
  }
  expect(messages(sink.bytes)).toHaveLength(50_001);
});

test("what a reader consumes while he is given something brings the next only after it", async () => {
  const plain = envelope(0, new Uint8Array(3));
  const whole = join(envelope(1, gzipSync(new Uint8Array(70_000))), plain, envelope(1, gzipSync("a")), plain);
  const step = recode(new TestSource([whole], Fields.empty), { from: gzip, to: undefined, side });
  let inside = false;
  const { promise, resolve, reject } = Promise.withResolvers<Fields>();
  step.pipe({
    write(bytes) {
      expect(inside).toBe(false);
      inside = true;
      step.consumed(bytes.length - 1);
      step.consumed(1);
      inside = false;
    },
    end(end) {
      expect(inside).toBe(false);
      resolve(end);
    },
    fail: reject,
  });
  expect(await promise).toBe(Fields.empty);
});

test("a message larger than its source's window arrives behind one that waited to be consumed", async () => {
  const body = seededBytes(100_000);
  const both = join(envelope(1, gzipSync(new Uint8Array(70_000))), envelope(1, gzipSync(body)));
  const source = new TestSource(cut(both, seeded(3), 900), Fields.empty, 1000);
  const step = recode(source, { from: gzip, to: undefined, side });
  const sink = new TestSink(step, false);
  for (let taken = 0; !sink.over; await new Promise((resolve) => setImmediate(resolve))) {
    const given = sink.bytes.length - taken;
    taken += given;
    if (given > 0) step.consumed(given);
  }
  expect(messages(sink.bytes)[1]!.bytes).toEqual(body);
});

test("messages before one that cannot be taken arrive", async () => {
  const good = envelope(0, Uint8Array.of(1));
  const cases = [
    { from: gzip, bad: envelopePrefix(0, maxMessageBytes + 1), code: Code.RESOURCE_EXHAUSTED },
    { from: undefined, bad: envelope(1, Uint8Array.of(1)), code: Code.INTERNAL },
  ];
  for (const { from, bad, code } of cases) {
    const source = new TestSource([join(good, bad, good)], Fields.empty);
    const sink = await over(new TestSink(recode(source, { from, to: undefined, side })));
    expect(sink.bytes).toEqual(good);
    expect(sink.error?.code).toBe(code);
  }
});

test("reserved flags are dropped", async () => {
  const source = new TestSource([join(envelope(0xf0, Uint8Array.of(1)), envelope(0x0f, gzipSync("a")))], Fields.empty);
  const sink = await over(new TestSink(recode(source, { from: gzip, to: gzip, side })));
  expect(messages(sink.bytes).map(({ flags }) => flags)).toEqual([1, 1]);
});

test("a message may grow as far as DEFLATE can make it, and to the largest message at most", () => {
  expect(expansionLimit(10, maxMessageBytes)).toBe(64 * 1024);
  expect(expansionLimit(1000, maxMessageBytes)).toBe(1_100_000);
  expect(expansionLimit(1_000_000, maxMessageBytes)).toBe(maxMessageBytes);
});

test.each([
  ["bomb", envelope(1, gzipSync(new Uint8Array(maxMessageBytes + 1))), Code.RESOURCE_EXHAUSTED],
  ["message announced as 4 GiB", envelopePrefix(1, 0xffffffff), Code.RESOURCE_EXHAUSTED],
  ["message that is no gzip", envelope(1, Uint8Array.of(1, 2, 3)), Code.INTERNAL],
  ["message cut off within its gzip", envelope(1, gzipSync(new Uint8Array(500)).subarray(0, 15)), Code.INTERNAL],
  ["stream that ends within a message", envelope(0, new Uint8Array(9)).subarray(0, 8), Code.INTERNAL],
])("a %s ends the call, and the source is told", async (_, bytes, code) => {
  const source = new TestSource([Uint8Array.from(bytes)], Fields.empty);
  const sink = await over(new TestSink(recode(source, { from: gzip, to: undefined, side })));
  expect(sink.error?.code).toBe(code);
  expect(source.cancelled?.code).toBe(code);
});

test("a compressed message in a call without compression is INTERNAL", async () => {
  const source = new TestSource([compressed.slice()], Fields.empty);
  const sink = await over(new TestSink(recode(source, { from: undefined, to: gzip, side: "caller" })));
  expect(sink.error?.code).toBe(Code.INTERNAL);
});

test("a caller's broken message is an invalid argument", async () => {
  const source = new TestSource([envelope(1, Uint8Array.of(1))], Fields.empty);
  const sink = await over(new TestSink(recode(source, { from: gzip, to: undefined, side: "caller" })));
  expect(sink.error?.code).toBe(Code.INVALID_ARGUMENT);
});

test("a reader who leaves while a message is decompressed gets nothing more", async () => {
  const source = new TestSource([compressed.slice()], Fields.empty);
  const step = recode(source, { from: gzip, to: undefined, side });
  const sink = new TestSink(step);
  const error = new CallError(Code.CANCELLED, "gone", { side: "caller" });
  step.cancel(error);
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
  expect(sink.bytes.length).toBe(0);
  expect(sink.over).toBe(false);
  expect(source.cancelled).toBe(error);
});

/** An origin's answer in `encoding`, translated for a gRPC caller who takes `acceptEncoding`. */
function answerIn(encoding: string, acceptEncoding: string | undefined, bytes = compressed, status = "0") {
  const caller = { protocol: "grpc", contentType: "application/grpc", codec: "proto", acceptEncoding } as const;
  const body = new TestSource([bytes.slice()], new Fields(["grpc-status", status]));
  const fields = new Fields(["content-type", "application/grpc", "grpc-encoding", encoding]);
  const answers: HttpResponse[] = [];
  translateResponse(caller, { head: { status: 200, fields }, body }, (answer) => answers.push(answer));
  return answers[0]!;
}

test("an answer in a compression that the caller takes passes untouched", async () => {
  const answer = answerIn("gzip", "br, gzip");
  expect(answer.head.fields.get("grpc-encoding")).toBe("gzip");
  expect((await over(new TestSink(answer.body))).bytes).toEqual(compressed);
});

test("an answer in a compression that the caller does not take is decompressed", async () => {
  for (const accepted of [undefined, "br"]) {
    const answer = answerIn("gzip", accepted);
    expect(answer.head.fields.has("grpc-encoding")).toBe(false);
    const sink = await over(new TestSink(answer.body));
    expect(messages(sink.bytes).map(({ bytes }) => bytes)).toEqual(bodies);
    expect(sink.ended?.get("grpc-status")).toBe("0");
  }
});

test("an answer in a compression that neither the caller nor the edge knows is INTERNAL at its first such message", async () => {
  const sink = await over(new TestSink(answerIn("snappy", "gzip").body));
  expect(sink.ended?.get("grpc-status")).toBe(String(Code.INTERNAL));
});

test.each(["snappy", ""])("an error keeps its status though it names the compression %j", async (encoding) => {
  const sink = await over(new TestSink(answerIn(encoding, undefined, new Uint8Array(0), "12").body));
  expect(sink.ended?.get("grpc-status")).toBe("12");
});
