import { compareText } from "../report.ts";

/** Keeps a list in order that changes little from one time to the next: what is nearly sorted is sorted fast. */
export class Ordered<T extends object> {
  readonly #keyOf: (item: T) => string;
  readonly #keys = new WeakMap<T, string>();
  #items: readonly T[] = [];

  /** `keyOf`: what to sort by; items of the same key must be equal, and one of them is kept. */
  constructor(keyOf: (item: T) => string) {
    this.#keyOf = keyOf;
  }

  /** The items in order; the same list as before if they are the same. */
  sort(items: readonly T[]): readonly T[] {
    const added = new Set(items);
    const kept = this.#items.filter((item) => added.delete(item));
    if (added.size === 0 && kept.length === this.#items.length) return this.#items;
    const sorted = [...kept, ...added].toSorted((a, b) => compareText(this.#key(a), this.#key(b)));
    this.#items = sorted.filter((item, i) => i === 0 || this.#key(item) !== this.#key(sorted[i - 1]!));
    return this.#items;
  }

  #key(item: T): string {
    let key = this.#keys.get(item);
    if (key === undefined) this.#keys.set(item, (key = this.#keyOf(item)));
    return key;
  }
}
