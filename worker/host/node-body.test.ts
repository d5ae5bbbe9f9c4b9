import { PassThrough, Writable } from "node:stream";
import { expect, test } from "vitest";
import { CallError } from "../call/error.ts";
import { Fields } from "../call/fields.ts";
import type { Body } from "../call/http.ts";
import { Code } from "../call/status.ts";
import { ReadableBody, writeBody } from "./node-body.ts";
import { fieldsFromRaw } from "./node-http1-fields.ts";

const chunk = Buffer.alloc(64 * 1024);
const broken = (cause: Error | undefined) => new CallError(Code.CANCELLED, "gone", { side: "caller", cause });
const ticks = async (count = 20) => {
  for (let i = 0; i < count; i += 1) await new Promise(setImmediate);
};

/** A stream with more to give than anyone takes, and what its body brought. */
function plenty() {
  const stream = new PassThrough();
  const seen = { bytes: 0, ended: false, failed: undefined as CallError | undefined, cancelled: 0 };
  const body = new ReadableBody(stream, {
    trailers: () => Fields.empty,
    broken,
    cancelled: () => (seen.cancelled += 1),
  });
  for (let i = 0; i < 100; i += 1) stream.write(chunk);
  stream.end();
  const pipe = () =>
    body.pipe({
      write: (bytes) => (seen.bytes += bytes.length),
      end: () => (seen.ended = true),
      fail: (error) => (seen.failed = error),
    });
  return { stream, body, seen, pipe };
}

test("nothing more comes while nothing is used up", async () => {
  const { seen, pipe } = plenty();
  pipe();
  await ticks();
  expect(seen).toMatchObject({ bytes: 4 * chunk.length, ended: false });
});

test("what is used up comes again, to the end", async () => {
  const { body, seen, pipe } = plenty();
  pipe();
  await ticks();
  body.consumed(2 * chunk.length);
  await ticks();
  expect(seen.bytes).toBe(6 * chunk.length);
  body.consumed(1000 * chunk.length);
  await ticks(200);
  expect(seen).toMatchObject({ bytes: 100 * chunk.length, ended: true, failed: undefined });
});

test("a stream that breaks fails its body once, before or after it is piped", async () => {
  for (const when of ["before", "after"]) {
    const { stream, seen, pipe } = plenty();
    if (when === "after") pipe();
    stream.destroy(new Error("reset"));
    await ticks();
    if (when === "before") pipe();
    expect(seen.failed?.message, when).toBe("gone");
  }
});

test("a cancelled body is silent from then on", async () => {
  const { stream, body, seen, pipe } = plenty();
  pipe();
  await ticks();
  const before = seen.bytes;
  body.cancel();
  body.cancel();
  body.consumed(1000 * chunk.length);
  stream.destroy();
  await ticks();
  expect(seen).toMatchObject({ bytes: before, ended: false, failed: undefined, cancelled: 1 });
});

test("bytes count as used up when the stream has taken them, and are copied before that", () => {
  const taken: [Buffer, () => void][] = [];
  const stream = new Writable({ write: (bytes: Buffer, _encoding, done) => void taken.push([bytes, done]) });
  let consumed = 0;
  const borrowed = Uint8Array.of(1, 2, 3);
  const body: Body = {
    pipe: (sink) => sink.write(borrowed),
    consumed: (bytes) => (consumed += bytes),
    cancel() {},
  };
  writeBody(body, stream, { end() {}, fail() {} });
  borrowed.fill(9);
  expect([...taken[0]![0]]).toEqual([1, 2, 3]);
  expect(consumed).toBe(0);
  taken[0]![1]();
  return new Promise<void>((resolve) =>
    setImmediate(() => {
      expect(consumed).toBe(3);
      resolve();
    }),
  );
});

test("fields of the connection stay behind, those that `connection` names too", () => {
  const raw = [
    "Host",
    "a",
    "Connection",
    "X-Hop, keep-alive",
    "X-Hop",
    "1",
    "Transfer-Encoding",
    "chunked",
    "X-End",
    "2",
  ];
  expect([...fieldsFromRaw(raw)]).toEqual([
    ["host", "a"],
    ["x-end", "2"],
  ]);
});
