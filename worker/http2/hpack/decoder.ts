/** Field blocks to fields (RFC 7541 section 3). */
import { ConnectionError, ErrorCode } from "../error.ts";
import { areValueOctets, isFieldName } from "../../call/field-syntax.ts";
import { latin1 } from "../../call/octets.ts";
import { decodeHuffman, maxDecodedBytes } from "./huffman.ts";
import { type Cursor, decodeInteger } from "./integer.ts";
import { staticEntries, staticTable } from "./static-table.ts";
import { DynamicTable, Entry, entryOverhead } from "./table.ts";

/** What a block held. */
export interface FieldBlock {
  /** Alternating names and values in order, pseudo-header fields included. Incomplete if `oversize`. */
  readonly flat: readonly string[];
  /** Names of fields that must stay out of compression tables. */
  readonly neverIndexed: ReadonlySet<string> | undefined;
  /** The list is over the limits: the rest of the block served only to keep the table in step. */
  readonly oversize: boolean;
  /** What makes the list malformed (RFC 9113 section 8.2.1), if anything. */
  readonly flaw: string | undefined;
}

export interface DecoderLimits {
  readonly maxHeaderListBytes: number;
  readonly maxHeaderFields: number;
}

export class Decoder {
  readonly #table: DynamicTable;
  readonly #maxTableBytes: number;
  readonly #limits: DecoderLimits;
  #scratch = new Uint8Array(256);

  #flat: string[] = [];
  /** Whether the string that was read last may be a value. */
  #validValue = true;
  #listBytes = 0;
  #oversize = false;
  #flaw: string | undefined;
  /** Names of the block's fields that must stay out of tables, and the last such names that were told. */
  readonly #never: string[] = [];
  #neverIndexed: ReadonlySet<string> = new Set();

  /** `maxTableBytes`: the HEADER_TABLE_SIZE that the peer was told. */
  constructor(limits: DecoderLimits, maxTableBytes: number) {
    this.#limits = limits;
    this.#maxTableBytes = maxTableBytes;
    this.#table = new DynamicTable(maxTableBytes);
  }

  /** A block that means one thing while this number stays means the same again. */
  get generation(): number {
    return this.#table.changes;
  }

  /** Decodes `bytes[start, end)`. Throws a connection error if the peer's table and ours cannot be in step any more. */
  decode(bytes: Uint8Array, start: number, end: number): FieldBlock {
    this.#flat = [];
    this.#listBytes = 0;
    this.#oversize = false;
    this.#flaw = undefined;
    this.#never.length = 0;
    const cursor: Cursor = { at: start, end };
    this.#resizeTable(bytes, cursor);
    while (cursor.at < end) this.#field(bytes, cursor);
    return { flat: this.#flat, neverIndexed: this.#namesNeverIndexed(), oversize: this.#oversize, flaw: this.#flaw };
  }

  /** Table size updates: only before the first field (section 4.2). */
  #resizeTable(bytes: Uint8Array, cursor: Cursor): void {
    while (cursor.at < cursor.end && (bytes[cursor.at]! & 0xe0) === 0x20) {
      const size = decodeInteger(bytes, cursor, 0x1f);
      if (size > this.#maxTableBytes) {
        throw new ConnectionError(ErrorCode.COMPRESSION_ERROR, `a table size of ${size}, over the limit`);
      }
      this.#table.resize(size);
    }
  }

  #field(bytes: Uint8Array, cursor: Cursor): void {
    const first = bytes[cursor.at]!;
    if (first >= 0x80) {
      const entry = this.#entry(decodeInteger(bytes, cursor, 0x7f));
      this.#add(entry.name, entry.value, entry.validName, entry.validValue);
    } else if (first >= 0x40) {
      const index = decodeInteger(bytes, cursor, 0x3f);
      const name = index === 0 ? this.#string(bytes, cursor) : this.#entry(index).name;
      const entry = new Entry(name, this.#string(bytes, cursor));
      this.#table.insert(entry);
      this.#add(entry.name, entry.value, entry.validName, entry.validValue);
    } else if (first < 0x20) {
      this.#literal(bytes, cursor, first >= 0x10);
    } else {
      throw new ConnectionError(ErrorCode.COMPRESSION_ERROR, "a table size update behind a field");
    }
  }

  /** A field that enters no table (sections 6.2.2 and 6.2.3). */
  #literal(bytes: Uint8Array, cursor: Cursor, never: boolean): void {
    const index = decodeInteger(bytes, cursor, 0x0f);
    let name: string;
    let validName: boolean;
    if (index === 0) {
      name = this.#string(bytes, cursor);
      validName = isFieldName(name);
    } else {
      ({ name, validName } = this.#entry(index));
    }
    const value = this.#string(bytes, cursor);
    if (never && !this.#never.includes(name)) this.#never.push(name);
    this.#add(name, value, validName, this.#validValue);
  }

  /** One set for all the blocks that name the same: most of a client's do. */
  #namesNeverIndexed(): ReadonlySet<string> | undefined {
    const names = this.#never;
    if (names.length === 0) return undefined;
    const last = this.#neverIndexed;
    if (last.size === names.length && names.every((name) => last.has(name))) return last;
    return (this.#neverIndexed = new Set(names));
  }

  #add(name: string, value: string, validName: boolean, validValue: boolean): void {
    if (this.#oversize) {
      // It says what the refusal is to be written in. Once is enough.
      if (name === "content-type" && this.#flat.at(-2) !== name) this.#flat.push(name, value);
      return;
    }
    this.#listBytes += name.length + value.length + entryOverhead;
    if (this.#listBytes > this.#limits.maxHeaderListBytes || this.#flat.length >= this.#limits.maxHeaderFields * 2) {
      this.#oversize = true;
      return;
    }
    if (!validName) this.#flaw ??= `the field name ${JSON.stringify(name.slice(0, 64))}`;
    else if (!validValue) this.#flaw ??= `the value of ${name}`;
    this.#flat.push(name, value);
  }

  #entry(index: number): Entry {
    const entry = index <= staticEntries ? staticTable[index] : this.#table.at(index - staticEntries - 1);
    if (entry === undefined) throw new ConnectionError(ErrorCode.COMPRESSION_ERROR, `no table entry ${index}`);
    return entry;
  }

  #string(bytes: Uint8Array, cursor: Cursor): string {
    if (cursor.at >= cursor.end) throw new ConnectionError(ErrorCode.COMPRESSION_ERROR, "a field that breaks off");
    const huffman = bytes[cursor.at]! >= 0x80;
    const length = decodeInteger(bytes, cursor, 0x7f);
    const { at } = cursor;
    const end = at + length;
    if (end > cursor.end) throw new ConnectionError(ErrorCode.COMPRESSION_ERROR, "a string longer than its block");
    cursor.at = end;
    if (!huffman) return this.#text(bytes, at, end);
    const room = maxDecodedBytes(length);
    if (this.#scratch.length < room) this.#scratch = new Uint8Array(room);
    return this.#text(this.#scratch, 0, decodeHuffman(bytes, at, end, this.#scratch));
  }

  /** Octets are faster to look at than the string that is made of them. */
  #text(bytes: Uint8Array, at: number, end: number): string {
    this.#validValue = areValueOctets(bytes, at, end);
    return latin1(bytes, at, end);
  }
}
