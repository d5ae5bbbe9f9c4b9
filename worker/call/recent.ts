/** What was made of objects that may come again, a few of them, by their identity: the one that came first goes first. */
const kept = 16;

export class Recent<K extends object, V> {
  readonly #keys: (K | undefined)[] = Array.from({ length: kept }, () => undefined);
  readonly #values: (V | undefined)[] = Array.from({ length: kept }, () => undefined);
  #next = 0;

  get(key: K): V | undefined {
    const keys = this.#keys;
    for (let i = 0; i < kept; i++) if (keys[i] === key) return this.#values[i];
    return undefined;
  }

  set(key: K, value: V): V {
    this.#keys[this.#next] = key;
    this.#values[this.#next] = value;
    this.#next = (this.#next + 1) % kept;
    return value;
  }
}
