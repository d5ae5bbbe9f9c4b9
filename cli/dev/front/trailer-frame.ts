import type { Fields } from "../../../worker/call/fields.ts";
import { Flag, prefixLength } from "../../../worker/wire/envelope.ts";
import { parseTrailerBlock } from "../../../worker/wire/web-trailer.ts";

/** As long as the longest header section Cloudflare takes. */
export const maxTrailerFrame = 128 * 1024;

/**
 * Finds the trailer frame at the end of a gRPC-Web answer (grpc/doc/PROTOCOL-WEB.md) that comes in chunks cut anywhere.
 * The messages before it are left where they are, so that most chunks pass whole.
 */
export class TrailerFrame {
  readonly #held: Uint8Array[] = [];
  #heldBytes = 0;
  /** Bytes of the current message's prefix seen so far, and the length they tell. */
  #prefixBytes = 0;
  #length = 0;
  /** Bytes of the current message yet to come. */
  #left = 0;

  /**
   * Returns how many bytes at the beginning of `chunk` are messages; the rest is kept.
   *
   * @throws Error that says what is wrong with the answer
   */
  take(chunk: Uint8Array): number {
    const messages = this.#heldBytes > 0 ? 0 : this.#walk(chunk);
    if (messages < chunk.length) this.#hold(chunk.slice(messages));
    return messages;
  }

  /**
   * The trailers, now that the answer has ended.
   *
   * @throws Error that says what is wrong with the answer
   */
  finish(): Fields {
    if (this.#heldBytes === 0) {
      const within = this.#prefixBytes > 0 || this.#left > 0;
      throw new Error(within ? "it ends within a message" : "it ends without a trailer frame");
    }
    const frame = Buffer.concat(this.#held);
    const end = frame.length < prefixLength ? Infinity : prefixLength + frame.readUInt32BE(1);
    if (frame.length < end) throw new Error("it ends within its trailer frame");
    if (frame.length > end) throw new Error("it goes on after its trailer frame");
    const trailers = parseTrailerBlock(frame.subarray(prefixLength));
    if (!trailers.has("grpc-status")) throw new Error("its trailer frame has no grpc-status");
    return trailers;
  }

  /** Returns where the trailer frame begins, or the chunk's length. */
  #walk(chunk: Uint8Array): number {
    let at = 0;
    while (at < chunk.length) {
      if (this.#left > 0) {
        const skipped = Math.min(this.#left, chunk.length - at);
        this.#left -= skipped;
        at += skipped;
        continue;
      }
      const byte = chunk[at]!;
      if (this.#prefixBytes === 0) {
        if ((byte & Flag.TRAILERS) !== 0) return at;
        this.#length = 0;
      } else {
        this.#length = this.#length * 256 + byte;
      }
      at += 1;
      this.#prefixBytes += 1;
      if (this.#prefixBytes === prefixLength) {
        this.#prefixBytes = 0;
        this.#left = this.#length;
      }
    }
    return at;
  }

  #hold(bytes: Uint8Array): void {
    if (this.#heldBytes === 0 && bytes[0] !== Flag.TRAILERS) throw new Error("its trailer frame is compressed");
    this.#heldBytes += bytes.length;
    if (this.#heldBytes > maxTrailerFrame) throw new Error(`its trailer frame is longer than ${maxTrailerFrame} bytes`);
    this.#held.push(bytes);
  }
}
