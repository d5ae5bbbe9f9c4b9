/**
 * A step of a body on its way: takes bytes from a source, gives bytes of its own to a sink, and keeps the credit right
 * where the two differ in size.
 *
 * Credit for what came in is returned in proportion as what went out is used up; what produced nothing to wait for is
 * credited at once, so a step may gather a message larger than the source's window. What a step holds it must bound.
 */
import type { CallError } from "../call/error.ts";
import type { Sink, Source } from "../call/flow.ts";

export abstract class Step<I, O> implements Source<O>, Sink<I> {
  readonly #source: Source<I>;
  #sink: Sink<O> | undefined;
  /** Bytes taken from the source and not credited to it yet. */
  #owed = 0;
  /** Bytes given to the sink and not used up by it yet. */
  #given = 0;
  /** Whether the source was told to stop: it takes no credit after that. */
  #stopped = false;

  constructor(source: Source<I>) {
    this.#source = source;
  }

  /** Transforms the next bytes, which are borrowed. */
  protected abstract take(bytes: Uint8Array): void;

  /** The source ended: give what is left, and {@link finish} or {@link breakOff}. */
  abstract end(end: I): void;

  /** The source broke off. */
  fail(error: CallError): void {
    this.#release()?.fail(error);
  }

  protected give(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#given += bytes.length;
    this.#sink?.write(bytes);
  }

  protected finish(end: O): void {
    this.#release()?.end(end);
  }

  /** Ends both directions: the source is told to stop, the sink that it failed. */
  protected breakOff(error: CallError): void {
    const sink = this.#release();
    if (sink === undefined) return;
    this.#stopped = true;
    this.#source.cancel(error);
    sink.fail(error);
  }

  /** Bytes taken and not to be credited yet, though nothing that came of them waits to be consumed. */
  protected get held(): number {
    return 0;
  }

  /** Bytes given to the sink that it has not used up. */
  protected get waiting(): number {
    return this.#given;
  }

  /** Whether the sink still listens. */
  protected get open(): boolean {
    return this.#sink !== undefined;
  }

  pipe(sink: Sink<O>): void {
    this.#sink = sink;
    this.#source.pipe(this);
  }

  write(bytes: Uint8Array): void {
    if (this.#sink === undefined) return;
    this.#owed += bytes.length;
    this.take(bytes);
    this.settle();
  }

  /** Credits what nothing waits for, where less is {@link held} than was. */
  protected settle(): void {
    if (this.#given === 0) this.#credit(this.#owed - this.held);
  }

  consumed(bytes: number): void {
    const given = this.#given;
    if (given === 0) return;
    this.#given = Math.max(0, given - bytes);
    const due = this.#owed - this.held;
    this.#credit(this.#given === 0 ? due : Math.floor((due * bytes) / given));
  }

  cancel(error: CallError): void {
    this.#sink = undefined;
    this.#stopped = true;
    this.#source.cancel(error);
  }

  #credit(bytes: number): void {
    if (bytes <= 0 || this.#stopped) return;
    this.#owed -= bytes;
    this.#source.consumed(bytes);
  }

  #release(): Sink<O> | undefined {
    const sink = this.#sink;
    this.#sink = undefined;
    return sink;
  }
}

/** A source of bytes at hand, given in one piece. */
export function sourceOf<E>(bytes: Uint8Array, end: E): Source<E> {
  let cancelled = false;
  return {
    pipe(sink) {
      if (!cancelled && bytes.length > 0) sink.write(bytes);
      // The sink may cancel while it is written to.
      if (!cancelled) sink.end(end);
    },
    consumed() {},
    cancel() {
      cancelled = true;
    },
  };
}
