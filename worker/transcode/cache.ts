/** Descriptors by the hash of their set, read once and kept while they are in use. */
import { Descriptors } from "./descriptors.ts";

/** Reads a descriptor set from where it is kept. Undefined if it is not there, or no longer. */
export type ReadDescriptorSet = (hash: string) => Promise<Uint8Array | undefined>;

/**
 * The descriptors of an edge that has the sets at hand. Undefined also for a set that is none: those who push them
 * check them.
 */
export function descriptorsFrom(
  read: (hash: string) => Uint8Array | undefined,
): (hash: string) => Descriptors | undefined {
  const cache = new DescriptorCache(mostBytesOfProcess);
  return (hash) => {
    const bytes = cache.has(hash) ? undefined : read(hash);
    try {
      return bytes === undefined ? cache.get(hash) : cache.add(hash, bytes);
    } catch {
      return undefined;
    }
  };
}

/** Bytes of sets kept; what is made of them may be 20 times larger, and a Worker has 128 MB for all it does. */
const mostBytes = 4 * 1024 * 1024;

/** A process has room for what the tables of large clusters hold: to read a set again for a call takes up to a second. */
const mostBytesOfProcess = 32 * 1024 * 1024;

/** What one counts for that cannot be read. */
const bytesOfFailure = 1024;

interface Entry {
  /** Or why they cannot be read: bytes of the same hash never can. */
  readonly descriptors: Descriptors | Error;
  readonly bytes: number;
}

export class DescriptorCache {
  readonly #mostBytes: number;
  /** The least recently used first. */
  readonly #entries = new Map<string, Entry>();
  readonly #reading = new Map<string, Promise<Descriptors | undefined>>();
  #bytes = 0;

  constructor(most = mostBytes) {
    this.#mostBytes = most;
  }

  /** Whether it is known what the set holds, or that it cannot be read. */
  has(hash: string): boolean {
    return this.#entries.has(hash);
  }

  /**
   * Those at hand.
   *
   * @throws Error if they cannot be read
   */
  get(hash: string): Descriptors | undefined {
    const entry = this.#entries.get(hash);
    if (entry === undefined) return undefined;
    this.#entries.delete(hash);
    this.#entries.set(hash, entry);
    if (entry.descriptors instanceof Error) throw entry.descriptors;
    return entry.descriptors;
  }

  /**
   * Those at hand, or else read once for all who ask meanwhile. Undefined if there are none.
   *
   * @throws Error if they cannot be read
   */
  async load(hash: string, read: ReadDescriptorSet): Promise<Descriptors | undefined> {
    const known = this.get(hash);
    if (known !== undefined) return known;
    let reading = this.#reading.get(hash);
    if (reading === undefined) {
      reading = this.#load(hash, read).finally(() => this.#reading.delete(hash));
      this.#reading.set(hash, reading);
    }
    return reading;
  }

  async #load(hash: string, read: ReadDescriptorSet): Promise<Descriptors | undefined> {
    const bytes = await read(hash);
    return bytes && this.add(hash, bytes);
  }

  /** @throws Error if `bytes` are no descriptor set */
  add(hash: string, bytes: Uint8Array): Descriptors {
    try {
      const descriptors = Descriptors.read(bytes);
      this.#keep(hash, { descriptors, bytes: bytes.length });
      return descriptors;
    } catch (cause) {
      const error = new Error(`the descriptor set cannot be read: ${String(cause)}`, { cause });
      this.#keep(hash, { descriptors: error, bytes: bytesOfFailure });
      throw error;
    }
  }

  /** The one that was just added stays, however large. */
  #keep(hash: string, entry: Entry): void {
    this.#entries.set(hash, entry);
    this.#bytes += entry.bytes;
    for (const [oldest, { bytes }] of this.#entries) {
      if (this.#bytes <= this.#mostBytes || this.#entries.size === 1) return;
      this.#entries.delete(oldest);
      this.#bytes -= bytes;
    }
  }
}
