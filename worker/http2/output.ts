/**
 * The connection's one output buffer. Frames are encoded in place, back to back, and leave in one write.
 *
 * The last frame stays open until something follows it: more DATA of the same stream joins it, and END_STREAM is set on
 * it, instead of costing a frame of their own.
 */
import { FrameType, Flag, frameHeaderBytes } from "./frame/frame.ts";

/** A slab's size. What is filled of it is handed out; a new one is taken when the rest is too small. */
const maxSlabBytes = 65_536;
const firstSlabBytes = 1024;

export class Output {
  /** Where encoders write: from `at` on, in room that {@link begin} made. */
  bytes: Uint8Array = new Uint8Array(0);
  at = 0;
  #start = 0;
  #slabBytes = firstSlabBytes;
  /** Where the last frame begins if it is still here and not closed; else -1. */
  #open = -1;
  #openStream = 0;
  readonly #write: (bytes: Uint8Array) => void;
  readonly #schedule: () => void;

  /** `write` gets what is flushed, for good; `schedule` is called with each frame. */
  constructor(write: (bytes: Uint8Array) => void, schedule: () => void) {
    this.#write = write;
    this.#schedule = schedule;
  }

  /** Makes room for a whole frame and writes its header (RFC 9113 section 4.1). The payload is the caller's to write. */
  begin(length: number, type: number, flags: number, streamId: number): void {
    this.#schedule();
    this.#reserve(frameHeaderBytes + length);
    const { bytes } = this;
    const at = this.at;
    this.#open = type === FrameType.DATA || type === FrameType.HEADERS ? at : -1;
    this.#openStream = streamId;
    bytes[at] = length >>> 16;
    bytes[at + 1] = length >>> 8;
    bytes[at + 2] = length;
    bytes[at + 3] = type;
    bytes[at + 4] = flags;
    bytes[at + 5] = streamId >>> 24;
    bytes[at + 6] = streamId >>> 16;
    bytes[at + 7] = streamId >>> 8;
    bytes[at + 8] = streamId;
    this.at = at + frameHeaderBytes;
  }

  /** Makes room for `length` bytes that are no frame: the preface. */
  raw(length: number): void {
    this.#schedule();
    this.#reserve(length);
    this.#open = -1;
  }

  uint32(value: number): void {
    const { bytes, at } = this;
    bytes[at] = value >>> 24;
    bytes[at + 1] = value >>> 16;
    bytes[at + 2] = value >>> 8;
    bytes[at + 3] = value;
    this.at = at + 4;
  }

  /** Appends `source[from, to)` in room that was made for it. */
  put(source: Uint8Array, from: number, to: number): void {
    const { bytes } = this;
    let { at } = this;
    if (to - from <= 48) {
      for (let i = from; i < to; i++) bytes[at++] = source[i]!;
      this.at = at;
    } else {
      bytes.set(from === 0 && to === source.length ? source : source.subarray(from, to), at);
      this.at = at + to - from;
    }
  }

  /**
   * Lets up to `max` payload bytes of `source[from, to)` join the last frame, if that is unflushed DATA of `streamId`.
   * Returns how many did.
   */
  join(streamId: number, source: Uint8Array, from: number, to: number, max: number): number {
    const open = this.#open;
    const { bytes } = this;
    if (open < 0 || this.#openStream !== streamId || bytes[open + 3] !== FrameType.DATA) return 0;
    const length = this.at - open - frameHeaderBytes;
    const count = Math.min(to - from, max - length, bytes.length - this.at);
    if (count <= 0) return 0;
    this.put(source, from, from + count);
    const total = length + count;
    bytes[open] = total >>> 16;
    bytes[open + 1] = total >>> 8;
    bytes[open + 2] = total;
    return count;
  }

  /** Sets END_STREAM on the last frame if that is unflushed and of `streamId`. Returns whether it did. */
  endStream(streamId: number): boolean {
    if (this.#open < 0 || this.#openStream !== streamId) return false;
    this.bytes[this.#open + 4]! |= Flag.END_STREAM;
    this.#open = -1;
    return true;
  }

  /** Hands out what is pending in one piece. */
  flush(): void {
    this.#open = -1;
    const { at } = this;
    const start = this.#start;
    if (at === start) return;
    this.#start = at;
    this.#write(this.bytes.subarray(start, at));
  }

  /** Makes `length` bytes of room at `at`, moving on to a new slab if need be. */
  #reserve(length: number): void {
    if (this.bytes.length - this.at >= length) return;
    this.flush();
    this.#slabBytes = Math.min(this.#slabBytes * 2, maxSlabBytes);
    this.bytes = new Uint8Array(Math.max(length, this.#slabBytes));
    this.at = 0;
    this.#start = 0;
  }
}
