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
  const cache = new DescriptorCache();
  return (hash) => {
    const known = cache.get(hash);
    if (known !== undefined) return known;
    const bytes = read(hash);
    try {
      return bytes && cache.add(hash, bytes);
    } catch {
      return undefined;
    }
  };
}

/** Bytes of sets kept; what is made of them is several times larger, and a Worker has 128 MB for all it does. */
const mostBytes = 4 * 1024 * 1024;

interface Entry {
  readonly descriptors: Descriptors;
  readonly bytes: number;
}

export class DescriptorCache {
  /** The least recently used first. */
  readonly #entries = new Map<string, Entry>();
  readonly #reading = new Map<string, Promise<Descriptors | undefined>>();
  #bytes = 0;

  /** Those at hand. */
  get(hash: string): Descriptors | undefined {
    const entry = this.#entries.get(hash);
    if (entry === undefined) return undefined;
    this.#entries.delete(hash);
    this.#entries.set(hash, entry);
    return entry.descriptors;
  }

  /**
   * Those at hand, or else read once for all who ask meanwhile. Undefined if there are none.
   *
   * @throws Error if they cannot be read
   */
  load(hash: string, read: ReadDescriptorSet): Promise<Descriptors | undefined> {
    const known = this.get(hash);
    if (known !== undefined) return Promise.resolve(known);
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
    const descriptors = Descriptors.read(bytes);
    this.#entries.set(hash, { descriptors, bytes: bytes.length });
    this.#bytes += bytes.length;
    this.#evict();
    return descriptors;
  }

  /** The one that was just added stays, however large. */
  #evict(): void {
    for (const [hash, { bytes }] of this.#entries) {
      if (this.#bytes <= mostBytes || this.#entries.size === 1) return;
      this.#entries.delete(hash);
      this.#bytes -= bytes;
    }
  }
}
