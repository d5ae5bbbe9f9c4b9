/** Field blocks as they come in: decoded, parsed, and remembered. */
import type { RequestHead } from "../../call/http.ts";
import { Decoder, type DecoderLimits, type FieldBlock } from "../hpack/decoder.ts";
import { BlockMemory } from "../hpack/memory.ts";
import {
  type Malformed,
  type Oversize,
  type ParsedRequest,
  type ParsedResponse,
  type ParsedTrailers,
  parseRequest,
  parseResponse,
  parseTrailers,
} from "./parse.ts";
import { shared } from "./shared.ts";

/** The HEADER_TABLE_SIZE that peers may use: the protocol's default, never raised, so that it needs no SETTINGS. */
const tableBytes = 4096;

export class MessageReader {
  readonly #decoder: Decoder;
  readonly #requests = new BlockMemory<ParsedRequest>(shared);
  readonly #responses = new BlockMemory<ParsedResponse>(shared);
  readonly #trailers = new BlockMemory<ParsedTrailers>(shared);

  constructor(limits: DecoderLimits) {
    this.#decoder = new Decoder(limits, tableBytes);
  }

  /** A reader is asked with one `scheme` only, the listener's. */
  request(
    bytes: Uint8Array,
    start: number,
    end: number,
    scheme: RequestHead["scheme"],
  ): ParsedRequest | Malformed | Oversize {
    const parse = scheme === "https" ? parseHttps : parseHttp;
    return this.#read(this.#requests, parse, bytes, start, end);
  }

  response(bytes: Uint8Array, start: number, end: number): ParsedResponse | Malformed | Oversize {
    return this.#read(this.#responses, parseResponse, bytes, start, end);
  }

  trailers(bytes: Uint8Array, start: number, end: number): ParsedTrailers | Malformed | Oversize {
    return this.#read(this.#trailers, parseTrailers, bytes, start, end);
  }

  /** Keeps the tables in step with a block whose fields nobody wants. */
  skip(bytes: Uint8Array, start: number, end: number): void {
    this.#decoder.decode(bytes, start, end);
  }

  #read<T extends { readonly kind: string }>(
    memory: BlockMemory<T>,
    parse: (block: FieldBlock) => T | Malformed | Oversize,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): T | Malformed | Oversize {
    const decoder = this.#decoder;
    const { generation } = decoder;
    const known = memory.find(bytes, start, end, generation);
    if (known !== undefined) return known;
    const parsed = parse(decoder.decode(bytes, start, end));
    // A block that changed the table will not mean the same again.
    if (decoder.generation !== generation || !isWhole(parsed)) return parsed;
    return memory.keep(bytes, start, end, generation, parsed);
  }
}

function parseHttp(block: FieldBlock): ParsedRequest | Malformed | Oversize {
  return parseRequest(block, "http");
}

function parseHttps(block: FieldBlock): ParsedRequest | Malformed | Oversize {
  return parseRequest(block, "https");
}

function isWhole<T extends { readonly kind: string }>(parsed: T | Malformed | Oversize): parsed is T {
  return parsed.kind !== "malformed" && parsed.kind !== "oversize";
}
