import { expect, test } from "vitest";
import { CallError } from "../call/error.ts";
import { Fields } from "../call/fields.ts";
import { Code } from "../call/status.ts";
import { sourceOf, Step } from "./step.ts";
import { cut, join, seeded, TestSink, TestSource } from "./testing.ts";

const error = new CallError(Code.CANCELLED, "enough", { side: "caller" });

/** Repeats every chunk, or drops it: sizes differ either way. */
class Repeat extends Step<Fields, Fields> {
  readonly #times: number;
  constructor(source: TestSource<Fields>, times: number) {
    super(source);
    this.#times = times;
  }
  protected take(bytes: Uint8Array): void {
    for (let i = 0; i < this.#times; i++) this.give(bytes);
  }
  end(end: Fields): void {
    this.give(Uint8Array.of(0xff));
    this.finish(end);
  }
}

test.each([0, 1, 3])(
  "whatever the sizes, the source is credited all it gave once all is consumed: %d times",
  (times) => {
    const random = seeded(7 + times);
    const source = new TestSource(cut(new Uint8Array(500), random), Fields.empty, 40);
    const step = new Repeat(source, times);
    const sink = new TestSink(step, false);
    let consumed = 0;
    for (let given = sink.bytes.length; consumed < given; given = sink.bytes.length) {
      const some = 1 + Math.floor(random() * (given - consumed));
      consumed += some;
      step.consumed(some);
      expect(source.outstanding).toBeGreaterThanOrEqual(0);
    }
    expect(sink.bytes.length).toBe(500 * times + 1);
    expect(sink.ended).toBe(Fields.empty);
    expect(source.outstanding).toBe(0);
  },
);

test("nothing is credited while nothing is consumed, so a slow reader holds the source back", () => {
  const source = new TestSource(cut(new Uint8Array(500), seeded(1)), Fields.empty, 40);
  const sink = new TestSink(new Repeat(source, 1), false);
  expect(sink.bytes.length).toBeLessThan(60);
  expect(source.outstanding).toBe(sink.bytes.length);
  expect(sink.over).toBe(false);
});

test("a sink that cancels while it is written to gets nothing more, and the source is told", () => {
  const source = new TestSource(cut(new Uint8Array(500), seeded(1)), Fields.empty);
  const step = new Repeat(source, 2);
  let writes = 0;
  step.pipe({
    write() {
      writes++;
      step.cancel(error);
    },
    end: () => expect.unreachable(),
    fail: () => expect.unreachable(),
  });
  expect(writes).toBe(1);
  expect(source.cancelled).toBe(error);
});

test("failure passes through", () => {
  const sink = new TestSink(new Repeat(new TestSource<Fields>([Uint8Array.of(1)], error), 1));
  expect(sink.error).toBe(error);
});

test("bytes at hand are one chunk and the end, unless the sink cancels in between", () => {
  const sink = new TestSink(sourceOf(Uint8Array.of(1, 2), "end"));
  expect(join(...sink.chunks)).toEqual(Uint8Array.of(1, 2));
  expect(sink.ended).toBe("end");
  const source = sourceOf(Uint8Array.of(1), "end");
  source.pipe({
    write: () => source.cancel(error),
    end: () => expect.unreachable(),
    fail: () => expect.unreachable(),
  });
});
