/**
 * A request's body for more than one attempt: its chunks are kept, within bounds, until one attempt's answer counts. Each
 * attempt takes it from the beginning by a tap of its own; the caller's source hears of it all once.
 */
import { CallError } from "../call/error.ts";
import type { Fields } from "../call/fields.ts";
import type { Body, BodySink } from "../call/http.ts";
import { Code } from "../call/status.ts";

/** Bytes of one request that are kept; what is longer is sent once. */
const maxKeptBytes = 64 * 1024;
/** Bytes of all requests. */
const maxAllBytes = 32 * 1024 * 1024;
/** Small chunks share memory: one of their own costs ten times as much as the copy. */
const slabBytes = 8 * 1024;

/** What the requests of a host may keep together. */
export class ReplayMemory {
  #kept = 0;
  #slab = new Uint8Array(slabBytes);
  #used = 0;

  /** A copy of `bytes`, or undefined if there is no room. */
  keep(bytes: Uint8Array): Uint8Array | undefined {
    const { length } = bytes;
    if (this.#kept + length > maxAllBytes) return undefined;
    this.#kept += length;
    if (length > slabBytes / 4) return bytes.slice();
    if (this.#used + length > slabBytes) {
      this.#slab = new Uint8Array(slabBytes);
      this.#used = 0;
    }
    const at = this.#used;
    this.#used += length;
    this.#slab.set(bytes, at);
    return this.#slab.subarray(at, at + length);
  }

  release(bytes: number): void {
    this.#kept -= bytes;
  }
}

export class Replay implements BodySink {
  readonly #body: Body;
  readonly #memory: ReplayMemory;
  /** Called when the request became too long to be sent again: all taps but one must go. */
  readonly #onOverflow: () => void;
  readonly #taps: Tap[] = [];
  #chunks: Uint8Array[] | undefined = [];
  #kept = 0;
  /** A tap is being brought up to date: it takes what comes meanwhile from what is kept. */
  #joining = false;
  #settled = false;
  #piped = false;
  #ending: Fields | CallError | undefined;
  #failed = false;
  /** Bytes that the source was told of. */
  #credited = 0;

  constructor(body: Body, memory: ReplayMemory, onOverflow: () => void) {
    this.#body = body;
    this.#memory = memory;
    this.#onOverflow = onOverflow;
  }

  /** Whether it can be sent again from the beginning. */
  get whole(): boolean {
    return this.#chunks !== undefined;
  }

  /** The body for one more attempt; only while {@link whole}. */
  tap(): Tap {
    return new Tap(this);
  }

  /** One attempt's answer counts: nothing is kept for others. */
  settle(): void {
    this.#settled = true;
    if (this.#chunks === undefined || this.#joining) return;
    this.#chunks = undefined;
    this.#memory.release(this.#kept);
  }

  /** Nobody wants the request any more. */
  cancel(error: CallError): void {
    this.settle();
    this.#body.cancel(error);
  }

  // ---- The taps.

  join(tap: Tap): void {
    const chunks = this.#chunks ?? [];
    this.#joining = true;
    for (let at = 0; at < chunks.length; at++) tap.write(chunks[at]!);
    this.#joining = false;
    if (this.#settled) this.settle();
    if (!tap.open) return;
    this.#taps.push(tap);
    if (this.#ending !== undefined) this.#finish(tap, this.#ending);
    else if (!this.#piped) {
      this.#piped = true;
      this.#body.pipe(this);
    }
  }

  leave(tap: Tap): void {
    const at = this.#taps.indexOf(tap);
    if (at >= 0) this.#taps.splice(at, 1);
  }

  /** An attempt has used `bytes` up, counted from the beginning: the fastest one sets the pace. */
  used(bytes: number): void {
    const more = bytes - this.#credited;
    if (more <= 0) return;
    this.#credited = bytes;
    this.#body.consumed(more);
  }

  // ---- The caller's body.

  write(bytes: Uint8Array): void {
    if (this.#chunks !== undefined) this.#keep(bytes);
    if (this.#taps.length === 1) return this.#taps[0]!.write(bytes);
    for (const tap of this.#taps.slice()) tap.write(bytes);
  }

  /** While nobody takes it, what comes is kept in any case: the source, which gets no credit, ends it soon. */
  #keep(bytes: Uint8Array): void {
    const taken = this.#taps.length > 0 && !this.#joining;
    const tooLong = taken && this.#kept + bytes.length > maxKeptBytes;
    const copy = tooLong ? undefined : this.#memory.keep(bytes);
    if (copy !== undefined) {
      this.#kept += bytes.length;
      this.#chunks!.push(copy);
    } else if (taken) {
      this.settle();
      this.#onOverflow();
    } else {
      const error = new CallError(Code.RESOURCE_EXHAUSTED, "too many requests wait to be sent again", { side: "edge" });
      this.cancel(error);
      this.fail(error);
    }
  }

  end(trailers: Fields): void {
    this.#end(trailers);
  }

  fail(error: CallError): void {
    this.#failed = true;
    this.#end(error);
  }

  #end(ending: Fields | CallError): void {
    this.#ending = ending;
    for (const tap of this.#taps.slice()) this.#finish(tap, ending);
  }

  #finish(tap: Tap, ending: Fields | CallError): void {
    if (this.#failed) tap.fail(ending as CallError);
    else tap.end(ending as Fields);
  }
}

/** The body as one attempt has it. */
export class Tap implements Body, BodySink {
  readonly #replay: Replay;
  #sink: BodySink | undefined;
  #used = 0;
  /** The attempt's is the answer that counts: who wants no more of the body speaks for the call. */
  chosen = false;

  constructor(replay: Replay) {
    this.#replay = replay;
  }

  /** Whether somebody takes it. */
  get open(): boolean {
    return this.#sink !== undefined;
  }

  pipe(sink: BodySink): void {
    this.#sink = sink;
    this.#replay.join(this);
  }

  consumed(bytes: number): void {
    this.#used += bytes;
    this.#replay.used(this.#used);
  }

  cancel(error: CallError): void {
    this.#sink = undefined;
    if (this.chosen) this.#replay.cancel(error);
    else this.#replay.leave(this);
  }

  write(bytes: Uint8Array): void {
    this.#sink?.write(bytes);
  }

  end(trailers: Fields): void {
    this.#sink?.end(trailers);
  }

  fail(error: CallError): void {
    this.#sink?.fail(error);
  }
}
