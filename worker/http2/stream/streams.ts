/**
 * A connection's streams by their ids. They come in the order of their ids and most go soon, so that a ring has room for
 * them. A Map would be rebuilt every few hundred streams, and V8 keeps each rebuilt one, streams included, for as long as
 * one before it has grown old.
 */
export class Streams<S extends { readonly id: number }> {
  #ring: (S | undefined)[] = emptyRing(16);
  /** Those in whose place newer ones came: they last long. */
  readonly #old = new Map<number, S>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(id: number): S | undefined {
    const stream = this.#ring[this.#at(id)];
    if (stream !== undefined && stream.id === id) return stream;
    return this.#old.size === 0 ? undefined : this.#old.get(id);
  }

  /** Ids are never used twice. */
  add(stream: S): void {
    if (this.#size * 2 >= this.#ring.length && this.#ring.length < maxRing) this.#grow();
    this.#place(stream);
    this.#size++;
  }

  /** Returns whether it was there. */
  delete(id: number): boolean {
    const at = this.#at(id);
    if (this.#ring[at]?.id === id) this.#ring[at] = undefined;
    else if (!this.#old.delete(id)) return false;
    this.#size--;
    return true;
  }

  /** Those that are there when they are asked for, by their ids. */
  values(): S[] {
    const all = [...this.#old.values(), ...this.#ring.filter((stream) => stream !== undefined)];
    return all.toSorted((a, b) => a.id - b.id);
  }

  /** Ids of one side are all odd, or all even. */
  #at(id: number): number {
    return (id >>> 1) & (this.#ring.length - 1);
  }

  #place(stream: S): void {
    const at = this.#at(stream.id);
    const there = this.#ring[at];
    if (there !== undefined) this.#old.set(there.id, there);
    this.#ring[at] = stream;
  }

  #grow(): void {
    const streams = this.values();
    this.#old.clear();
    this.#ring = emptyRing(this.#ring.length * 2);
    for (const stream of streams) this.#place(stream);
  }
}

/** As many streams as peers usually allow, twice. */
const maxRing = 1024;

function emptyRing<S>(length: number): (S | undefined)[] {
  return Array.from<S | undefined>({ length }).fill(undefined);
}
