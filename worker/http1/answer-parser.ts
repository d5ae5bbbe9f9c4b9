/** Reads one answer of HTTP/1.1 without I/O: bytes in, head, body and end out (RFC 9112 sections 6 and 7). */
import { CallError } from "../call/error.ts";
import { Fields } from "../call/fields.ts";
import { latin1 } from "../call/octets.ts";
import { Code } from "../call/status.ts";
import { lengthOf, parseFields, parseHead, type StatusHead, withLength } from "./head.ts";
import { maxChunkLineBytes, maxHeadBytes, maxInterim } from "./limits.ts";

export interface AnswerEvents {
  /** The final head. `empty` if neither body nor trailers follow. */
  head(head: StatusHead, empty: boolean): void;
  /** Borrowed. */
  body(bytes: Uint8Array): void;
  /** `reusable` if the connection is at the start of the next answer. */
  end(trailers: Fields, reusable: boolean): void;
}

type State = "head" | "length" | "until-close" | "chunk-size" | "chunk" | "chunk-end" | "trailers" | "over";

const lineFeed = 0x0a;
const nothing = new Uint8Array(0);

export class AnswerParser {
  readonly #method: string;
  readonly #upgrade: boolean;
  readonly #events: AnswerEvents;
  #state: State = "head";
  /** Bytes of a head, line or trailer section that is not complete. */
  readonly #held = new Held();
  /** Body bytes to come, of the message or of the chunk. */
  #left = 0;
  #keepAlive = false;
  #trailers: Fields = Fields.empty;
  #interim = 0;

  /**
   * @param method of the request: an answer to HEAD has no body whatever its head says
   * @param upgrade whether the answer may be 101, behind which everything is its body
   */
  constructor(method: string, events: AnswerEvents, upgrade = false) {
    this.#method = method;
    this.#upgrade = upgrade;
    this.#events = events;
  }

  /** @throws CallError UNAVAILABLE (HTTP 502) for bytes that are no answer */
  receive(bytes: Uint8Array): void {
    if (this.#over()) throw malformed("bytes follow the answer");
    for (let at = 0; at < bytes.length;) {
      at = this.#step(bytes, at);
      if (!this.#over()) continue;
      // What follows was not asked for: this connection cannot be trusted with another request.
      return this.#events.end(this.#trailers, this.#keepAlive && at === bytes.length);
    }
  }

  /** The connection has ended. @throws CallError if the answer had not */
  close(): void {
    if (this.#state === "over") return;
    if (this.#state !== "until-close") throw malformed("the connection ended before the answer did");
    this.#state = "over";
    this.#events.end(Fields.empty, false);
  }

  #over(): boolean {
    return this.#state === "over";
  }

  #step(bytes: Uint8Array, at: number): number {
    switch (this.#state) {
      case "head":
        return this.#block(bytes, at, (block) => this.#onHead(block));
      case "length":
      case "chunk":
        return this.#sized(bytes, at);
      case "until-close":
        this.#events.body(bytes.subarray(at));
        return bytes.length;
      case "chunk-size":
        return this.#line(bytes, at, (line) => this.#onChunkSize(line));
      case "chunk-end":
        return this.#line(bytes, at, (line) => {
          if (line !== "") throw malformed("a chunk is longer than it said");
          this.#state = "chunk-size";
        });
      case "trailers":
        return this.#block(bytes, at, (block) => {
          const trailers = parseFields(latin1(block, 0, block.length));
          if (trailers === undefined) throw malformed("the trailer section is malformed");
          this.#trailers = trailers;
          this.#state = "over";
        });
      case "over":
        return bytes.length;
    }
  }

  #sized(bytes: Uint8Array, at: number): number {
    const end = Math.min(bytes.length, at + this.#left);
    this.#left -= end - at;
    this.#events.body(bytes.subarray(at, end));
    if (this.#left === 0) this.#state = this.#state === "chunk" ? "chunk-end" : "over";
    return end;
  }

  #onHead(block: Uint8Array): void {
    const head = parseHead(block);
    if (head === undefined) throw malformed("its head is no HTTP/1.1");
    const upgraded = head.status === 101 && this.#upgrade;
    if (head.status < 200 && !upgraded) {
      if (head.status === 101 || ++this.#interim > maxInterim) throw malformed(`an answer of ${head.status} too many`);
      return;
    }
    const { status, fields } = head;
    const coding = fields.joined("transfer-encoding")?.toLowerCase();
    const length = lengthOf(fields);
    if (Number.isNaN(length)) throw malformed(`content-length ${fields.joined("content-length")}`);
    // Both at once is how answers are smuggled: the length is not passed on, and the connection not used again.
    this.#keepAlive = head.keepAlive && (coding === undefined || length === undefined);
    const empty = this.#frame(status, coding, length);
    const kept = withLength(fields, coding === undefined ? length : undefined);
    this.#events.head(kept === fields ? head : { ...head, fields: kept }, empty);
    if (empty) this.#state = "over";
  }

  /** Where the body ends (RFC 9112 section 6.3). Returns whether there is none. */
  #frame(status: number, coding: string | undefined, length: number | undefined): boolean {
    if (this.#method === "HEAD" || status === 204 || status === 304) return true;
    if (status === 101) {
      this.#state = "until-close";
      return false;
    }
    if (coding !== undefined) {
      if (coding !== "chunked") throw malformed(`transfer coding ${coding}`);
      this.#state = "chunk-size";
      return false;
    }
    if (length === undefined) {
      this.#state = "until-close";
      return false;
    }
    this.#left = length;
    this.#state = "length";
    return length === 0;
  }

  #onChunkSize(line: string): void {
    const size = /^([0-9a-fA-F]{1,12})[ \t]*(?:;.*)?$/.exec(line);
    if (size === null) throw malformed("a chunk's size is malformed");
    this.#left = Number.parseInt(size[1]!, 16);
    this.#state = this.#left === 0 ? "trailers" : "chunk";
  }

  /** One line, without its end. */
  #line(bytes: Uint8Array, at: number, take: (line: string) => void): number {
    const feed = bytes.indexOf(lineFeed, at);
    const held = this.#held;
    held.add(bytes.subarray(at, feed < 0 ? bytes.length : feed));
    if (held.length > maxChunkLineBytes) throw malformed(`a line of more than ${maxChunkLineBytes} bytes`);
    if (feed < 0) return bytes.length;
    const text = latin1(held.bytes, 0, held.length);
    held.clear();
    take(text.endsWith("\r") ? text.slice(0, -1) : text);
    return feed + 1;
  }

  /** Lines up to and with an empty one. */
  #block(bytes: Uint8Array, at: number, take: (block: Uint8Array) => void): number {
    const held = this.#held;
    const before = held.length;
    held.add(bytes.subarray(at, at + maxHeadBytes + 1 - before));
    const end = held.endOfBlock();
    if (end < 0 && held.length > maxHeadBytes) throw malformed(`more than ${maxHeadBytes} bytes of head`);
    if (end < 0) return bytes.length;
    const block = held.bytes.subarray(0, end);
    held.clear();
    take(block);
    return at + end - before;
  }
}

/** What came of a line or a block whose end did not. An origin may send it byte by byte: none is looked at twice. */
class Held {
  /** `bytes[0, length)`. */
  bytes: Uint8Array = nothing;
  length = 0;
  /** Where the first line begins whose end is not known, and how far that was looked for. */
  #line = 0;
  #searched = 0;

  add(more: Uint8Array): void {
    const length = this.length + more.length;
    if (this.bytes.length < length) {
      const larger = new Uint8Array(Math.max(length, this.bytes.length * 2));
      larger.set(this.bytes.subarray(0, this.length));
      this.bytes = larger;
    }
    this.bytes.set(more, this.length);
    this.length = length;
  }

  /** Where the first empty line ends, or -1. */
  endOfBlock(): number {
    const { bytes, length } = this;
    const known = bytes.subarray(0, length);
    for (let feed = known.indexOf(lineFeed, this.#searched); feed >= 0; feed = known.indexOf(lineFeed, feed + 1)) {
      const line = this.#line;
      if (feed === line || (feed === line + 1 && bytes[line] === 0x0d)) return feed + 1;
      this.#line = feed + 1;
    }
    this.#searched = length;
    return -1;
  }

  /** The memory is left to who was given it. */
  clear(): void {
    this.bytes = nothing;
    this.length = 0;
    this.#line = 0;
    this.#searched = 0;
  }
}

export function malformed(reason: string): CallError {
  return new CallError(Code.UNAVAILABLE, `its answer cannot be read: ${reason}`, { side: "origin", httpStatus: 502 });
}
