import { compareText } from "../report.ts";
import { changesBetween } from "./changes.ts";

/** Keeps a list in order that changes little from one time to the next: what is nearly sorted is sorted fast. */
export class Ordered<T extends object> {
  readonly #keyOf: (item: T) => string;
  readonly #keys = new WeakMap<T, string>();
  #given: readonly T[] = [];
  #items: readonly T[] = [];
  /** Whether some are not among the items, as another of the same key is. */
  #leftOut = false;

  /** `keyOf`: what to sort by; items of the same key must be equal, and one of them is kept. */
  constructor(keyOf: (item: T) => string) {
    this.#keyOf = keyOf;
  }

  /** The items in order; the same list as before if they are the same. */
  of(items: readonly T[]): readonly T[] {
    const { added, removed } = changesBetween(this.#given, items);
    this.#given = [...items];
    if (added.size === 0 && removed.size === 0) return this.#items;
    // One that was left out as equal to another may be needed now.
    const next = this.#leftOut ? new Set(items) : [...this.#items.filter((item) => !removed.has(item)), ...added];
    const sorted = [...next].toSorted((a, b) => compareText(this.#key(a), this.#key(b)));
    this.#items = sorted.filter((item, i) => i === 0 || this.#key(item) !== this.#key(sorted[i - 1]!));
    this.#leftOut = this.#items.length < sorted.length;
    return this.#items;
  }

  #key(item: T): string {
    let key = this.#keys.get(item);
    if (key === undefined) this.#keys.set(item, (key = this.#keyOf(item)));
    return key;
  }
}
