/**
 * Remembered blocks: the calls of one client mostly carry the same few field lists, so that a block seen before at the
 * same state of the compression table need not be decoded, checked or encoded again.
 */

/** Slots of a decoding memory; a block has one it may be in. */
const slots = 64;
/** A longer block is unlikely to come again. */
const maxBlockBytes = 512;

interface Slot<T> {
  /** Hash of the block last seen here; its bytes are kept only once it was seen twice. */
  hash: number;
  generation: number;
  bytes: Uint8Array | undefined;
  meaning: T | undefined;
}

/** What received blocks meant, by their bytes and the decoder's generation. */
export class BlockMemory<T> {
  readonly #slots: Slot<T>[] = [];
  readonly #settle: (meaning: T) => T;
  #hash = 0;

  /** `settle` is given what is to be kept, and says what is kept in its place. */
  constructor(settle: (meaning: T) => T) {
    this.#settle = settle;
  }

  /** What `bytes[start, end)` meant at `generation`, if that is known. */
  find(bytes: Uint8Array, start: number, end: number, generation: number): T | undefined {
    const length = end - start;
    if (length > maxBlockBytes) return undefined;
    let hash = length;
    for (let i = start; i < end; i++) hash = (Math.imul(hash, 31) + bytes[i]!) | 0;
    hash ^= hash >>> 15;
    this.#hash = hash;
    const slot = this.#slots[hash & (slots - 1)];
    if (slot?.hash !== hash || slot.generation !== generation || slot.bytes?.length !== length) return undefined;
    for (let i = 0; i < length; i++) if (slot.bytes[i] !== bytes[start + i]) return undefined;
    return slot.meaning;
  }

  /** Takes note of what the block that {@link find} was just asked for means; returns it, or what is kept in its place. */
  keep(bytes: Uint8Array, start: number, end: number, generation: number, meaning: T): T {
    if (end - start > maxBlockBytes) return meaning;
    const hash = this.#hash;
    const slot = this.#slots[hash & (slots - 1)];
    if (slot === undefined) {
      while (this.#slots.length < slots) {
        this.#slots.push({ hash: 0, generation: -1, bytes: undefined, meaning: undefined });
      }
      const fresh = this.#slots[hash & (slots - 1)]!;
      fresh.hash = hash;
      fresh.generation = generation;
      return meaning;
    }
    if (slot.hash === hash && slot.generation === generation) {
      slot.bytes = bytes.slice(start, end);
      slot.meaning = this.#settle(meaning);
      return slot.meaning;
    }
    slot.hash = hash;
    slot.generation = generation;
    slot.bytes = undefined;
    slot.meaning = undefined;
    return meaning;
  }
}

/** Lists of which an encoding memory keeps the blocks. */
const encodings = 8;

/** The blocks that sent lists were encoded to, by the list's identity and the encoder's generation. */
export class EncodingMemory {
  readonly #lists: (object | undefined)[] = Array.from({ length: encodings }, () => undefined);
  readonly #generations = new Int32Array(encodings);
  readonly #blocks: (Uint8Array | undefined)[] = Array.from({ length: encodings }, () => undefined);
  #next = 0;

  find(list: object, generation: number): Uint8Array | undefined {
    const i = this.#lists.indexOf(list);
    return i >= 0 && this.#generations[i] === generation ? this.#blocks[i] : undefined;
  }

  /** Takes note of `block[0, length)`; its bytes are kept once the list comes a second time. */
  keep(list: object, generation: number, block: Uint8Array, length: number): void {
    const i = this.#lists.indexOf(list);
    if (i >= 0) {
      this.#generations[i] = generation;
      this.#blocks[i] = block.slice(0, length);
      return;
    }
    this.#lists[this.#next] = list;
    this.#blocks[this.#next] = undefined;
    this.#next = (this.#next + 1) % encodings;
  }
}
