/** Bodies for tests: cut at random, paid for by credit, and overwritten once the call that lent them returns. */
import type { CallError } from "../call/error.ts";
import type { Sink, Source } from "../call/flow.ts";

/** Numbers in [0, 1), the same for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** `bytes` in one to `most` bytes at a time. */
export function cut(bytes: Uint8Array, random: () => number, most = 20): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const size = 1 + Math.floor(random() * most);
    chunks.push(bytes.slice(at, at + size));
    at += size;
  }
  return chunks;
}

export function join(...chunks: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(chunks.reduce((length, chunk) => length + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}

/** Gives its chunks while no more than `window` bytes wait to be consumed, then ends with `end`. */
export class TestSource<E> implements Source<E> {
  readonly #chunks: Uint8Array[];
  readonly #end: E | CallError;
  readonly #window: number;
  #sink: Sink<E> | undefined;
  #giving = false;
  /** Bytes given and not consumed. */
  outstanding = 0;
  cancelled: CallError | undefined;

  constructor(chunks: readonly Uint8Array[], end: E | CallError, window = Number.POSITIVE_INFINITY) {
    this.#chunks = [...chunks];
    this.#end = end;
    this.#window = window;
  }

  pipe(sink: Sink<E>): void {
    this.#sink = sink;
    this.#give();
  }

  consumed(bytes: number): void {
    this.outstanding -= bytes;
    if (this.outstanding < 0) throw new Error("credited more than was given");
    this.#give();
  }

  cancel(error: CallError): void {
    this.cancelled = error;
    this.#sink = undefined;
  }

  #give(): void {
    if (this.#giving) return;
    this.#giving = true;
    while (this.#sink !== undefined && this.#chunks.length > 0 && this.outstanding < this.#window) {
      const chunk = this.#chunks.shift()!;
      this.outstanding += chunk.length;
      this.#sink.write(chunk);
      chunk.fill(0xee);
    }
    this.#giving = false;
    if (this.#chunks.length > 0) return;
    const sink = this.#sink;
    this.#sink = undefined;
    if (this.#end instanceof Error) sink?.fail(this.#end);
    else sink?.end(this.#end);
  }
}

/** Takes all that a source gives. */
export class TestSink<E> implements Sink<E> {
  readonly #source: Source<E>;
  readonly #paying: boolean;
  readonly chunks: Uint8Array[] = [];
  ended: E | undefined;
  error: CallError | undefined;

  /** With `paying`, what is taken is consumed at once. */
  constructor(source: Source<E>, paying = true) {
    this.#source = source;
    this.#paying = paying;
    source.pipe(this);
  }

  get bytes(): Uint8Array {
    return join(...this.chunks);
  }

  get over(): boolean {
    return this.ended !== undefined || this.error !== undefined;
  }

  write(bytes: Uint8Array): void {
    if (this.over) throw new Error("written to after the end");
    this.chunks.push(bytes.slice());
    if (this.#paying) this.#source.consumed(bytes.length);
  }

  end(end: E): void {
    if (this.over) throw new Error("ended twice");
    this.ended = end;
  }

  fail(error: CallError): void {
    if (this.over) throw new Error("failed after the end");
    this.error = error;
  }
}
