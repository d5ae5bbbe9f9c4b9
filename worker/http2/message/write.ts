/** Request heads, response heads and trailers to field blocks. */
import { CallError } from "../../call/error.ts";
import type { Fields } from "../../call/fields.ts";
import type { RequestHead, ResponseHead } from "../../call/http.ts";
import { Code } from "../../call/status.ts";
import { Encoder } from "../hpack/encoder.ts";
import { EncodingMemory } from "../hpack/memory.ts";
import { isConnectionSpecific } from "./syntax.ts";

/** Paths whose control data is remembered. */
const targets = 32;
/** A longer path is unlikely to come again. */
const maxTargetBytes = 256;

/** What the pseudo-header fields of a request were encoded to. */
interface Target extends Pick<RequestHead, "method" | "scheme" | "authority"> {
  readonly generation: number;
  readonly block: Uint8Array;
}

function isSameTarget(one: Target, other: RequestHead): boolean {
  return one.authority === other.authority && one.method === other.method && one.scheme === other.scheme;
}

export class MessageWriter {
  readonly #encoder = new Encoder();
  readonly #heads = new EncodingMemory();
  readonly #trailers = new EncodingMemory();
  /** By path. */
  readonly #targets = new Map<string, Target>();
  /** The block that was written last: `block[0, length)`, valid until the next is. */
  block: Uint8Array = this.#encoder.block;
  length = 0;
  /** The encoder's generation when the block was begun. */
  #begunAt = 0;

  /** The peer's HEADER_TABLE_SIZE. */
  setMaxTableBytes(bytes: number): void {
    this.#encoder.setMaxTableBytes(bytes);
  }

  /** Throws a {@link CallError}, as the others do, if a field cannot be sent. */
  request(head: RequestHead): void {
    if (this.#recall(this.#heads, head)) return;
    this.#encoder.begin();
    this.#controlData(head);
    this.#fields(head.fields);
    this.#finish(this.#heads, head);
  }

  response(head: ResponseHead): void {
    if (this.#recall(this.#heads, head)) return;
    this.#encoder.begin();
    this.#field(":status", String(head.status), false);
    this.#fields(head.fields);
    this.#finish(this.#heads, head);
  }

  trailers(fields: Fields): void {
    if (this.#recall(this.#trailers, fields)) return;
    this.#encoder.begin();
    this.#fields(fields);
    this.#finish(this.#trailers, fields);
  }

  /** The pseudo-header fields. Requests of a method and to a host are like each other in them: they are remembered apart. */
  #controlData(head: RequestHead): void {
    const encoder = this.#encoder;
    const { generation, length } = encoder;
    const last = this.#targets.get(head.path);
    if (last?.generation === generation && isSameTarget(last, head)) return encoder.raw(last.block);
    this.#field(":method", head.method, false);
    this.#field(":scheme", head.scheme, false);
    this.#field(":path", head.path, false);
    if (head.authority !== "") this.#field(":authority", head.authority, false);
    if (encoder.generation !== generation || encoder.length - length > maxTargetBytes) return;
    if (this.#targets.size >= targets) this.#targets.clear();
    const { method, scheme, authority } = head;
    const block = encoder.block.slice(length, encoder.length);
    this.#targets.set(head.path, { method, scheme, authority, generation, block });
  }

  #recall(memory: EncodingMemory, list: object): boolean {
    this.#begunAt = this.#encoder.generation;
    const block = memory.find(list, this.#begunAt);
    if (block === undefined) return false;
    this.block = block;
    this.length = block.length;
    return true;
  }

  #finish(memory: EncodingMemory, list: object): void {
    const encoder = this.#encoder;
    this.block = encoder.block;
    this.length = encoder.length;
    // A block that changes the peer's table must not be sent twice.
    if (encoder.generation === this.#begunAt) memory.keep(list, this.#begunAt, encoder.block, encoder.length);
  }

  #fields({ flat, neverIndexed }: Fields): void {
    for (let i = 0; i < flat.length; i += 2) {
      const name = flat[i]!;
      const value = flat[i + 1]!;
      if (isConnectionSpecific(name) || (name === "te" && value !== "trailers")) continue;
      this.#field(name, value, neverIndexed !== undefined && neverIndexed.has(name));
    }
  }

  #field(name: string, value: string, never: boolean): void {
    if (this.#encoder.field(name, value, never)) return;
    this.#encoder.abandon();
    throw new CallError(Code.INTERNAL, `the value of ${name} holds a line break or NUL`, { side: "edge" });
  }
}
