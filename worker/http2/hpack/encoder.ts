/**
 * Fields to field blocks (RFC 7541 section 3).
 *
 * A field enters the dynamic table when it is seen a second time: an entry costs the peer an insertion and moves all
 * other indexes, so that a value that never comes again, a trace identifier, is worth none. Literals that enter no table
 * go out as they are; Huffman's code is for those that do, whose cost is paid once.
 */
import { octets, writeLatin1 } from "../../call/octets.ts";
import { encodeHuffman, huffmanLength } from "./huffman.ts";
import { encodeInteger } from "./integer.ts";
import { type StaticName, staticEntries, staticNames } from "./static-table.ts";
import { entryOverhead } from "./table.ts";

/** What our own table takes at most, whatever the peer allows: its memory is ours. */
const maxEncoderTableBytes = 4096;

/** Names remembered besides the static table's: what a hostile caller may cost. */
const maxNames = 256;
/** Values per name that are compared to see whether one comes again. */
const maxCandidates = 4;
/** A larger field enters no table: it would drive out the others. */
const maxIndexedBytes = 1024;

/** Guessable and secret at once: their length in a table shared by several callers would tell (section 7.1). */
const secret: ReadonlySet<string> = new Set(["authorization", "proxy-authorization", "cookie", "set-cookie"]);

/** What would end a field where it is written as a line (RFC 9113 section 8.2.1). */
// oxlint-disable-next-line no-control-regex
const unsendable = /[\0\r\n]/;

/** All that is known of one name. */
interface Name {
  readonly name: string;
  readonly fixed: StaticName | undefined;
  /** Serial numbers of this name's entries in the dynamic table, by value. */
  readonly values: Map<string, number>;
  /** Serial number of the newest of them. */
  newest: number;
  /** Values lately seen that are in no table, the oldest at `oldest`. */
  readonly candidates: string[];
  oldest: number;
  readonly secret: boolean;
}

interface Inserted {
  readonly name: Name;
  readonly value: string;
  readonly bytes: number;
}

export class Encoder {
  /** The block being made, `block[0, length)`. */
  block: Uint8Array = new Uint8Array(1024);
  length = 0;
  readonly #names = new Map<string, Name>();
  /** The dynamic table by serial number: `#entries[serial - #first]`. */
  #entries: Inserted[] = [];
  #first = 1;
  #inserted = 0;
  #bytes = 0;
  #maxBytes = maxEncoderTableBytes;
  /** Changes of the table other than insertions. */
  #changes = 0;
  /** Sizes to be announced before the next field: the smallest since the last block, and the last. */
  #announce: { least: number; last: number } | undefined;

  /** A block made of the same fields is the same while this number stays. */
  get generation(): number {
    return this.#inserted + this.#changes;
  }

  /** The peer's HEADER_TABLE_SIZE (section 4.2). */
  setMaxTableBytes(peerLimit: number): void {
    const size = Math.min(peerLimit, maxEncoderTableBytes);
    if (size === this.#maxBytes && this.#announce === undefined) return;
    this.#announce = { least: Math.min(size, this.#announce?.least ?? size), last: size };
    this.#maxBytes = size;
    this.#evict(this.#announce.least);
    this.#changes++;
  }

  begin(): void {
    this.length = 0;
    if (this.#announce === undefined) return;
    const { least, last } = this.#announce;
    this.#announce = undefined;
    this.#changes++;
    if (least < last) this.length = encodeInteger(this.block, 0, 0x20, 0x1f, least);
    this.length = encodeInteger(this.block, this.length, 0x20, 0x1f, last);
  }

  /** The block that was begun will not be sent: the peer's table is brought back in step by emptying both. */
  abandon(): void {
    const size = this.#maxBytes;
    this.#evict(0);
    this.#announce = { least: 0, last: size };
    this.#changes++;
  }

  /**
   * Adds a field: `name` in lower case; `never` if no table may hold it. Returns whether it can be sent: one with a line
   * break or NUL in it cannot, and neither can the block.
   */
  field(name: string, value: string, never: boolean): boolean {
    const known = this.#names.get(name) ?? this.#meet(name);
    const { fixed } = known;
    const nameIndex = fixed !== undefined ? fixed.index : known.newest >= this.#first ? this.#indexOf(known.newest) : 0;
    // Before any look at the values: one that another caller brought into the table would tell by its length (section 7.1.3).
    if (never || known.secret) return this.#literal(nameIndex, name, value, 0x10);
    const index = fixed?.values.get(value);
    if (index !== undefined) return this.#indexed(index);
    const serial = known.values.get(value);
    if (serial !== undefined) return this.#indexed(this.#indexOf(serial));
    if (this.#worthAnEntry(known, value, nameIndex)) return this.#insert(known, value, nameIndex);
    return this.#literal(nameIndex, name, value, 0x00);
  }

  /** Adds `block`, fields encoded before at the same {@link generation}. */
  raw(block: Uint8Array): void {
    this.#room(block.length);
    this.block.set(block, this.length);
    this.length += block.length;
  }

  #meet(name: string): Name {
    if (this.#names.size >= maxNames) this.#forgetName();
    const known: Name = {
      name,
      fixed: staticNames.get(name),
      values: new Map(),
      newest: 0,
      candidates: [],
      oldest: 0,
      secret: secret.has(name),
    };
    this.#names.set(name, known);
    return known;
  }

  /** Forgets the name that was met longest ago, of those without an entry: the table has room for half the names at most. */
  #forgetName(): void {
    for (const { name, values } of this.#names.values()) {
      if (values.size > 0) continue;
      this.#names.delete(name);
      return;
    }
  }

  /** Whether the value comes a second time, or the name does and has no index yet. Remembers the value if not. */
  #worthAnEntry(known: Name, value: string, nameIndex: number): boolean {
    const bytes = known.name.length + value.length + entryOverhead;
    if (bytes > Math.min(maxIndexedBytes, this.#maxBytes)) return false;
    const { candidates } = known;
    if (nameIndex === 0 && candidates.length > 0) return true;
    if (candidates.includes(value)) return true;
    if (candidates.length < maxCandidates) {
      candidates.push(value);
    } else {
      candidates[known.oldest] = value;
      known.oldest = (known.oldest + 1) % maxCandidates;
    }
    return false;
  }

  /** An entry's value was looked at when it was inserted. */
  #indexed(index: number): true {
    this.#integer(0x80, 0x7f, index);
    return true;
  }

  #insert(known: Name, value: string, nameIndex: number): boolean {
    if (unsendable.test(value) || unsendable.test(known.name)) return false;
    this.#room(known.name.length + value.length);
    this.#integer(0x40, 0x3f, nameIndex);
    if (nameIndex === 0) this.#huffman(known.name);
    this.#huffman(value);
    const bytes = octets(known.name).length + octets(value).length + entryOverhead;
    this.#evict(this.#maxBytes - bytes);
    if (bytes > this.#maxBytes) {
      this.#changes++; // an entry larger than the table empties it (section 4.4)
      return true;
    }
    this.#entries.push({ name: known, value, bytes });
    this.#bytes += bytes;
    known.newest = ++this.#inserted;
    known.values.set(value, this.#inserted);
    return true;
  }

  #evict(maxBytes: number): void {
    let count = 0;
    while (this.#bytes > maxBytes && count < this.#entries.length) {
      const { name, value, bytes } = this.#entries[count++]!;
      this.#bytes -= bytes;
      name.values.delete(value);
    }
    if (count === 0) return;
    this.#entries.splice(0, count);
    this.#first += count;
  }

  #indexOf(serial: number): number {
    return staticEntries + 1 + this.#inserted - serial;
  }

  #literal(nameIndex: number, name: string, value: string, first: number): boolean {
    this.#room(name.length + value.length);
    this.#integer(first, 0x0f, nameIndex);
    return (nameIndex !== 0 || this.#string(name)) && this.#string(value);
  }

  #integer(first: number, mask: number, value: number): void {
    if (this.block.length - this.length < 8) this.#room(8);
    this.length = encodeInteger(this.block, this.length, first, mask, value);
  }

  /** Writes `text` as it is, having looked at each character once. Returns whether it can be sent. */
  #string(text: string): boolean {
    const { block } = this;
    const { length } = text;
    let at = encodeInteger(block, this.length, 0x00, 0x7f, length);
    for (let i = 0; i < length; i++) {
      const octet = text.charCodeAt(i);
      if (octet > 0xff || octet <= 0x0d) return this.#unusual(text);
      block[at++] = octet;
    }
    this.length = at;
    return true;
  }

  /** Writes a text with control characters, or with more than octets in it. */
  #unusual(text: string): boolean {
    if (unsendable.test(text)) return false;
    const raw = octets(text);
    const at = encodeInteger(this.block, this.length, 0x00, 0x7f, raw.length);
    this.length = writeLatin1(raw, this.block, at);
    return true;
  }

  #huffman(text: string): void {
    const raw = octets(text);
    const coded = huffmanLength(raw);
    if (coded >= raw.length) {
      this.#string(text);
      return;
    }
    const at = encodeInteger(this.block, this.length, 0x80, 0x7f, coded);
    this.length = encodeHuffman(raw, this.block, at);
  }

  /** Makes room for `characters`, three octets each at worst, and the integers about them. */
  #room(characters: number): void {
    const needed = this.length + characters * 3 + 32;
    if (this.block.length >= needed) return;
    const larger = new Uint8Array(Math.max(needed, this.block.length * 2));
    larger.set(this.block.subarray(0, this.length));
    this.block = larger;
  }
}
