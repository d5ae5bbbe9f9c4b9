/**
 * The connection's one output buffer. Frames are encoded in place, back to back, and leave in one write.
 *
 * The last frame stays open until something follows it: more DATA of the same stream joins it, and END_STREAM is set on
 * it, instead of costing a frame of their own.
 */
import { FrameType, Flag, frameHeaderBytes } from "./frame/frame.ts";

/** A slab's size: the first, and the last that a connection grows to. */
const firstSlabBytes = 1024;
const maxSlabBytes = 65_536;

/** Slabs that nobody uses now, for all connections: one that is idle holds no memory. */
const spares: Uint8Array[] = [];
const maxSpares = 32;
/** Slabs of one connection that wait to be used again; more of them are left to the garbage collector. */
const maxLent = 4;

const none = new Uint8Array(0);

export interface OutputEvents {
  /** Takes what is flushed. Returns whether all memory it was ever given may be used again; if not, it is only read. */
  write(bytes: Uint8Array): boolean;
  /** A frame was begun: a flush is wanted. */
  schedule(): void;
}

export class Output {
  /** Where encoders write: from `at` on, in room that {@link begin} made. */
  bytes: Uint8Array = none;
  at = 0;
  #start = 0;
  #slabBytes = firstSlabBytes;
  /** Where the last frame begins if it is still here and not closed; else -1. */
  #open = -1;
  #openStream = 0;
  /** Full slabs that were flushed, and whose memory may not be used again yet. */
  #lent: Uint8Array[] = [];
  readonly #events: OutputEvents;

  constructor(events: OutputEvents) {
    this.#events = events;
  }

  /** Makes room for a whole frame and writes its header (RFC 9113 section 4.1). The payload is the caller's to write. */
  begin(length: number, type: number, flags: number, streamId: number): void {
    this.#events.schedule();
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
    this.#events.schedule();
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

  /**
   * Sets END_STREAM on the last frame if that is unflushed and of `streamId`, and DATA unless `anyFrame`. Returns whether
   * it did.
   */
  endStream(streamId: number, anyFrame: boolean): boolean {
    if (this.#open < 0 || this.#openStream !== streamId) return false;
    if (!anyFrame && this.bytes[this.#open + 3] !== FrameType.DATA) return false;
    this.bytes[this.#open + 4]! |= Flag.END_STREAM;
    this.#open = -1;
    return true;
  }

  /** Hands out what is pending in one piece. */
  flush(): void {
    this.#open = -1;
    const { at, bytes } = this;
    const start = this.#start;
    if (at === start) return;
    this.#start = at;
    const free = this.#events.write(bytes.subarray(start, at));
    if (free) this.#returnLent();
    if (!free || this.bytes !== bytes || this.at !== at) return;
    this.at = 0;
    this.#start = 0;
    if (bytes.length !== maxSlabBytes || spares.length >= maxSpares) return;
    spares.push(bytes);
    this.bytes = none;
  }

  #returnLent(): void {
    if (this.#lent.length === 0) return;
    for (const slab of this.#lent) if (spares.length < maxSpares) spares.push(slab);
    this.#lent = [];
  }

  /** Makes `length` bytes of room at `at`. What is pending goes out early only when the largest slab is full. */
  #reserve(length: number): void {
    if (this.bytes.length - this.at >= length) return;
    if (this.at - this.#start + length > maxSlabBytes) this.flush();
    if (this.bytes.length - this.at >= length) return;
    const slab = spares.pop() ?? this.#grow(length);
    const pending = this.at - this.#start;
    if (pending > 0) slab.set(this.bytes.subarray(this.#start, this.at));
    if (this.#open >= 0) this.#open -= this.#start;
    if (this.bytes.length === maxSlabBytes && this.#lent.length < maxLent) this.#lent.push(this.bytes);
    this.bytes = slab;
    this.at = pending;
    this.#start = 0;
  }

  #grow(length: number): Uint8Array {
    const needed = this.at - this.#start + length;
    while (this.#slabBytes < maxSlabBytes && this.#slabBytes < needed * 2) this.#slabBytes *= 2;
    return new Uint8Array(this.#slabBytes);
  }
}
