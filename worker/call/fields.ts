/**
 * Header or trailer fields in wire order: names in lower case, a name may repeat.
 * Immutable, so that a list can be shared, cached by identity and carried from decode to encode.
 * Pseudo-header fields (RFC 9113 section 8.3) are never in here: they live in {@link RequestHead} and {@link ResponseHead}.
 */
export class Fields implements Iterable<[name: string, value: string]> {
  static readonly empty: Fields = new Fields([]);

  /** Alternating names and values: [name0, value0, name1, value1, …]. Read-only by contract. */
  readonly flat: readonly string[];
  /** Names whose values must never enter a compression table (RFC 7541 section 6.2.3). */
  readonly neverIndexed: ReadonlySet<string> | undefined;

  constructor(flat: readonly string[], neverIndexed?: ReadonlySet<string>) {
    this.flat = flat;
    this.neverIndexed = neverIndexed;
  }

  static from(entries: Iterable<readonly [string, string]>): Fields {
    const flat: string[] = [];
    for (const [name, value] of entries) flat.push(name.toLowerCase(), value);
    return new Fields(flat);
  }

  /** The first value of `name` (lower case). */
  get(name: string): string | undefined {
    const { flat } = this;
    for (let i = 0; i < flat.length; i += 2) if (flat[i] === name) return flat[i + 1];
    return undefined;
  }

  /**
   * Every value of `name` (lower case), joined by a comma as RFC 9110 section 5.3 allows; cookies, which have commas
   * in them and may come in pieces, by a semicolon (RFC 9113 section 8.2.3).
   */
  joined(name: string): string | undefined {
    let value: string | undefined;
    const { flat } = this;
    const separator = name === "cookie" ? "; " : ", ";
    for (let i = 0; i < flat.length; i += 2) {
      if (flat[i] === name) value = value === undefined ? flat[i + 1] : value + separator + flat[i + 1];
    }
    return value;
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  get size(): number {
    return this.flat.length / 2;
  }

  *[Symbol.iterator](): Iterator<[string, string]> {
    const { flat } = this;
    for (let i = 0; i < flat.length; i += 2) yield [flat[i]!, flat[i + 1]!];
  }
}
