import { expect, test } from "vitest";
import { CallError } from "../call/error.ts";
import { Fields } from "../call/fields.ts";
import { type Body, type BodySink, noBody } from "../call/http.ts";
import { Code } from "../call/status.ts";
import { TestSink } from "../protocol/testing.ts";
import { bodyFromRequest, bodyFromStream, bodyInit, streamFromBody } from "./web-streams.ts";

/** A body that a test gives its bytes to. */
class TestBody implements Body {
  sink!: BodySink;
  credited = 0;
  cancelled: CallError | undefined;

  pipe(sink: BodySink): void {
    this.sink = sink;
  }

  consumed(bytes: number): void {
    this.credited += bytes;
  }

  cancel(error: CallError): void {
    this.cancelled = error;
  }
}

const kilobytes = (count: number) => new Uint8Array(count * 1024);

function streamed(): { body: TestBody; reader: ReadableStreamDefaultReader<Uint8Array> } {
  const body = new TestBody();
  const init = bodyInit(body);
  if (!(init instanceof ReadableStream)) throw new Error("the body is not streamed");
  return { body, reader: init.getReader() };
}

const turn = () => new Promise(setImmediate);

test("a body that is at hand leaves as its bytes", () => {
  const init = bodyInit({
    pipe(sink) {
      sink.write(Uint8Array.of(1, 2, 3));
      sink.end(Fields.empty);
    },
    consumed() {},
    cancel() {},
  });
  expect(init).toEqual(Uint8Array.of(1, 2, 3));
});

test("bytes are credited no faster than they are read", async () => {
  const { body, reader } = streamed();
  body.sink.write(kilobytes(60));
  body.sink.write(kilobytes(60));
  await turn();
  expect(body.credited).toBe(0);
  await reader.read();
  await turn();
  expect(body.credited).toBe(120 * 1024);
});

test("all bytes are credited once the body has ended, read or not", async () => {
  const { body, reader } = streamed();
  body.sink.write(kilobytes(60));
  body.sink.write(kilobytes(60));
  body.sink.end(Fields.empty);
  expect(body.credited).toBe(120 * 1024);
  expect((await reader.read()).value).toHaveLength(60 * 1024);
  expect((await reader.read()).value).toHaveLength(60 * 1024);
  expect((await reader.read()).done).toBe(true);
});

test("a body that breaks off breaks the stream, and a reader that leaves cancels the body", async () => {
  const broken = streamed();
  broken.body.sink.fail(new CallError(Code.UNAVAILABLE, "gone", { side: "origin" }));
  await expect(broken.reader.read()).rejects.toThrow("gone");

  const left = streamed();
  await left.reader.cancel();
  expect(left.body.cancelled).toMatchObject({ code: Code.CANCELLED, side: "caller" });
});

/** Brings a stream to a body, chunk by chunk. */
function incoming() {
  let controller!: ReadableStreamDefaultController<Uint8Array>;
  const left = Promise.withResolvers<unknown>();
  const stream = new ReadableStream<Uint8Array>(
    { start: (made) => void (controller = made), cancel: left.resolve },
    { highWaterMark: 0 },
  );
  return { controller, stream, left: left.promise };
}

test("no stream is no body", () => {
  expect(bodyFromStream(null)).toBe(noBody);
});

/** A request of two pieces that says that it has so many bytes. */
function requestOf(length: number): { request: Request; controller: ReadableStreamDefaultController<Uint8Array> } {
  const { controller, stream } = incoming();
  const headers = { "content-length": String(length) };
  const request = new Request("http://edge.test/", { method: "POST", headers, body: stream, duplex: "half" });
  return { request, controller };
}

test("a short request's body comes in one piece, once it is all there; a longer one comes as it is read", async () => {
  for (const [length, pieces] of [
    [2048, 1],
    [20_480, 2],
  ] as const) {
    const { request, controller } = requestOf(length);
    const sink = new TestSink(bodyFromRequest(request));
    controller.enqueue(new Uint8Array(length / 2).fill(1));
    controller.enqueue(new Uint8Array(length / 2).fill(2));
    controller.close();
    // oxlint-disable-next-line no-await-in-loop
    while (!sink.over) await turn();
    expect(sink.chunks).toHaveLength(pieces);
    expect(sink.bytes).toHaveLength(length);
    expect([sink.bytes.at(0), sink.bytes.at(-1)]).toEqual([1, 2]);
  }
});

test("a short request that breaks off is a caller gone, and one that is cancelled says nothing more", async () => {
  const broken = requestOf(2);
  const sink = new TestSink(bodyFromRequest(broken.request));
  const cancelled = requestOf(2);
  const body = bodyFromRequest(cancelled.request);
  const silent = new TestSink(body);
  body.cancel(new CallError(Code.CANCELLED, "enough", { side: "edge" }));
  for (const { controller } of [broken, cancelled]) controller.error(new Error("connection lost"));
  // oxlint-disable-next-line no-await-in-loop
  while (!sink.over) await turn();
  expect(sink.error).toMatchObject({ code: Code.CANCELLED, side: "caller" });
  expect(silent.over).toBe(false);
});

test("a stream is read ahead of its sink by one window", async () => {
  const { controller, stream } = incoming();
  for (let i = 0; i < 4; i += 1) controller.enqueue(kilobytes(40));
  controller.close();
  const body = bodyFromStream(stream);
  const sink = new TestSink(body, false);
  await turn();
  expect(sink.chunks).toHaveLength(2);
  body.consumed(80 * 1024);
  await turn();
  expect(sink.chunks).toHaveLength(4);
  body.consumed(80 * 1024);
  await turn();
  expect(sink.ended).toBe(Fields.empty);
});

test("a stream that breaks off is a caller gone, never an end", async () => {
  const { controller, stream } = incoming();
  const sink = new TestSink(bodyFromStream(stream));
  controller.enqueue(kilobytes(1));
  controller.error(new Error("connection lost"));
  await turn();
  expect(sink.ended).toBeUndefined();
  expect(sink.error).toMatchObject({ code: Code.CANCELLED, side: "caller" });
});

test("a body that is cancelled leaves its stream, and says nothing more", async () => {
  const { stream, left } = incoming();
  const body = bodyFromStream(stream);
  const sink = new TestSink(body);
  body.cancel(new CallError(Code.CANCELLED, "enough", { side: "edge" }));
  expect(await left).toMatchObject({ message: "enough" });
  await turn();
  expect(sink.over).toBe(false);
});

test("whoever waits for the end of a body hears of it once nothing more is asked of it", async () => {
  const ends: string[] = [];
  const whole = { pipe: (sink: BodySink) => sink.end(Fields.empty), consumed() {}, cancel() {} };
  bodyInit(whole, () => ends.push("whole"));
  const ended = new TestBody();
  streamFromBody(ended, () => ends.push("ended"));
  ended.sink.end(Fields.empty);
  const left = new TestBody();
  await streamFromBody(left, () => ends.push("left")).cancel();
  streamFromBody(new TestBody(), () => ends.push("under way"));
  expect(ends).toEqual(["whole", "ended", "left"]);
});
