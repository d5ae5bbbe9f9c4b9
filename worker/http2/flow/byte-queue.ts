/** Bytes that wait, copied, in slabs that small writes share. */

const minSlabBytes = 1024;
const maxSlabBytes = 65_536;

/** Slabs of that size that nobody uses now, for all queues: a long stream needs no new memory for each of its pieces. */
const spares: Uint8Array[] = [];
const maxSpares = 32;

export class ByteQueue {
  #slabs: Uint8Array[] = [];
  /** Where the first slab's unread bytes begin, and where the last slab's free room does. */
  #head = 0;
  #tail = 0;
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  push(bytes: Uint8Array, from = 0): void {
    const count = bytes.length - from;
    if (count === 0) return;
    this.#bytes += count;
    const last = this.#slabs.at(-1);
    if (last !== undefined) {
      const fits = Math.min(count, last.length - this.#tail);
      last.set(bytes.subarray(from, from + fits), this.#tail);
      this.#tail += fits;
      from += fits;
    }
    const left = bytes.length - from;
    if (left === 0) return;
    const slab = slabOf(Math.max(left, Math.min(maxSlabBytes, Math.max(minSlabBytes, this.#bytes))));
    slab.set(bytes.subarray(from));
    this.#slabs.push(slab);
    this.#tail = left;
  }

  /** The next bytes in one piece, at most `max` of them; none if the queue is empty. They stay until {@link drop}. */
  peek(max: number): Uint8Array | undefined {
    const first = this.#slabs[0];
    if (first === undefined) return undefined;
    const end = this.#slabs.length === 1 ? this.#tail : first.length;
    return first.subarray(this.#head, Math.min(end, this.#head + max));
  }

  /** Takes away `count` bytes of those {@link peek} showed. */
  drop(count: number): void {
    this.#head += count;
    this.#bytes -= count;
    if (this.#bytes === 0) {
      this.clear();
    } else if (this.#head === this.#slabs[0]!.length) {
      spare(this.#slabs.shift()!);
      this.#head = 0;
    }
  }

  clear(): void {
    this.#slabs.forEach(spare);
    this.#slabs = [];
    this.#head = 0;
    this.#tail = 0;
    this.#bytes = 0;
  }
}

function slabOf(bytes: number): Uint8Array {
  return (bytes === maxSlabBytes ? spares.pop() : undefined) ?? new Uint8Array(bytes);
}

function spare(slab: Uint8Array): void {
  if (slab.length === maxSlabBytes && spares.length < maxSpares) spares.push(slab);
}
