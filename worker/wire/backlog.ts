/**
 * Bytes in the order in which they came, until they are taken from the front in pieces of any size. Memory is theirs
 * alone, however many messages they are.
 */
export class Backlog {
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #start = 0;
  #end = 0;

  get length(): number {
    return this.#end - this.#start;
  }

  /** The first `length` of those that wait, or all if they are fewer. They stay what they are, also once more comes. */
  peek(length = this.length): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(this.#start, Math.min(this.#end, this.#start + length));
  }

  /** Copies `bytes`, which are borrowed. What has been shown is not written over. */
  push(bytes: Uint8Array): void {
    if (this.#end + bytes.length > this.#bytes.length) {
      const kept = this.peek();
      this.#bytes = new Uint8Array(Math.max(kept.length + bytes.length, 2 * kept.length));
      this.#bytes.set(kept);
      this.#start = 0;
      this.#end = kept.length;
    }
    this.#bytes.set(bytes, this.#end);
    this.#end += bytes.length;
  }

  /** The first `length` bytes, which must be there, and which stay what they are. */
  take(length: number): Uint8Array<ArrayBuffer> {
    const taken = this.peek(length);
    this.#start += length;
    if (this.#start === this.#end) this.clear();
    return taken;
  }

  clear(): void {
    this.#bytes = new Uint8Array(0);
    this.#start = this.#end = 0;
  }
}
