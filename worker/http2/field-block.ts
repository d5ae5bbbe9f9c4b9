/** Puts field blocks together from HEADERS and its CONTINUATION frames (RFC 9113 section 4.3). */
import type { ConnectionError } from "./error.ts";

export interface FieldBlockLimits {
  readonly maxContinuations: number;
  /** Bytes of one field block as sent, compressed. */
  readonly maxBlockBytes: number;
  /** A block is over one of these. */
  exceeded(limit: "maxContinuations" | "maxHeaderListBytes"): ConnectionError;
}

const empty = new Uint8Array(0);

export class FieldBlockBuilder {
  readonly #limits: FieldBlockLimits;
  /** The stream whose block has begun; 0 if none has. */
  stream = 0;
  endStream = false;
  /** The HEADERS frame was wrong itself: the block only serves to keep HPACK in step. */
  refused = false;
  bytes: Uint8Array = empty;
  length = 0;
  #continuations = 0;

  constructor(limits: FieldBlockLimits) {
    this.#limits = limits;
  }

  /** HEADERS without END_HEADERS; its fragment is `bytes[start, end)`. */
  begin(stream: number, endStream: boolean, refused: boolean, bytes: Uint8Array, start: number, end: number): void {
    this.stream = stream;
    this.endStream = endStream;
    this.refused = refused;
    this.length = 0;
    this.#continuations = 0;
    this.#add(bytes, start, end);
  }

  /** CONTINUATION. */
  proceed(bytes: Uint8Array, start: number, end: number): void {
    if (++this.#continuations > this.#limits.maxContinuations) throw this.#limits.exceeded("maxContinuations");
    this.#add(bytes, start, end);
  }

  /** The block has ended; its bytes are the caller's. */
  finish(): Uint8Array {
    const { bytes } = this;
    this.stream = 0;
    this.bytes = empty;
    return bytes;
  }

  #add(bytes: Uint8Array, start: number, end: number): void {
    const length = this.length + end - start;
    if (length > this.#limits.maxBlockBytes) throw this.#limits.exceeded("maxHeaderListBytes");
    if (this.bytes.length < length) {
      const larger = new Uint8Array(Math.max(length, this.bytes.length * 2));
      larger.set(this.bytes.subarray(0, this.length));
      this.bytes = larger;
    }
    this.bytes.set(bytes.subarray(start, end), this.length);
    this.length = length;
  }
}
