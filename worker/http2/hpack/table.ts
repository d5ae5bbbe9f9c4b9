/** Entries, and the dynamic table they live in (RFC 7541 section 2.3.2 and section 4). */
import { isFieldName, isFieldValue } from "../../call/field-syntax.ts";

/** What an entry counts for besides its bytes (section 4.1). */
export const entryOverhead = 32;

export class Entry {
  readonly name: string;
  readonly value: string;
  /** Whether name and value are what RFC 9113 section 8.2.1 lets be sent: found out once, used with every reference. */
  readonly validName: boolean;
  readonly validValue: boolean;

  constructor(name: string, value: string) {
    this.name = name;
    this.value = value;
    this.validName = isFieldName(name);
    this.validValue = isFieldValue(value);
  }

  get bytes(): number {
    return this.name.length + this.value.length + entryOverhead;
  }
}

/** First in, first out, newest first in the index space. */
export class DynamicTable {
  #ring: (Entry | undefined)[] = [];
  #mask = -1;
  /** The newest entry's serial number. */
  #inserted = 0;
  #changes = 0;
  #count = 0;
  #bytes = 0;
  #maxBytes: number;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Insertions and changes of size so far: while this stays, an index means the same entry. */
  get changes(): number {
    return this.#changes;
  }

  /** The entry `age` places behind the newest. */
  at(age: number): Entry | undefined {
    return age < this.#count ? this.#ring[(this.#inserted - age) & this.#mask] : undefined;
  }

  /** Adds `entry` as the newest (section 4.4). An entry larger than the table leaves it empty. */
  insert(entry: Entry): void {
    this.#changes++;
    this.#evict(this.#maxBytes - entry.bytes);
    if (entry.bytes > this.#maxBytes) return;
    if (this.#count >= this.#ring.length) this.#grow();
    this.#inserted++;
    this.#ring[this.#inserted & this.#mask] = entry;
    this.#count++;
    this.#bytes += entry.bytes;
  }

  resize(maxBytes: number): void {
    this.#changes++;
    this.#maxBytes = maxBytes;
    this.#evict(maxBytes);
  }

  #evict(maxBytes: number): void {
    while (this.#bytes > maxBytes && this.#count > 0) {
      const oldest = (this.#inserted - this.#count + 1) & this.#mask;
      this.#bytes -= this.#ring[oldest]!.bytes;
      this.#ring[oldest] = undefined;
      this.#count--;
    }
  }

  #grow(): void {
    const entries: Entry[] = [];
    for (let age = this.#count - 1; age >= 0; age--) entries.push(this.at(age)!);
    const capacity = Math.max(16, this.#ring.length * 2);
    this.#ring = Array.from({ length: capacity }, () => undefined);
    this.#mask = capacity - 1;
    for (const [i, entry] of entries.entries()) {
      this.#ring[(this.#inserted - entries.length + 1 + i) & this.#mask] = entry;
    }
  }
}
