/**
 * Frames as a test's peer writes and reads them, apart from the engine's own codec: field blocks are sent as plain
 * literals, and what is received is told as one line per frame.
 */
import { ErrorCode, errorCodeName } from "../error.ts";
import { Decoder } from "../hpack/decoder.ts";

const types = [
  "DATA",
  "HEADERS",
  "PRIORITY",
  "RST_STREAM",
  "SETTINGS",
  "PUSH_PROMISE",
  "PING",
  "GOAWAY",
  "WINDOW_UPDATE",
  "CONTINUATION",
];
const settingNames = ["", "TABLE", "PUSH", "STREAMS", "WINDOW", "FRAME", "LIST"];

export type FieldList = readonly (readonly [name: string, value: string])[];

export function ascii(string: string): Uint8Array {
  return Uint8Array.from(string, (character) => character.charCodeAt(0));
}

export function join(...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function uint32(value: number): number[] {
  return [(value >>> 24) & 255, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
}

export function frame(type: number, flags: number, stream: number, payload: Iterable<number> = []): Uint8Array {
  const body = Uint8Array.from(payload);
  const head = [...uint32(body.length).slice(1), type, flags, ...uint32(stream)];
  return join(Uint8Array.from(head), body);
}

/** Each field as a literal that enters no table, without Huffman's code. */
export function literalBlock(fields: FieldList): Uint8Array {
  return Uint8Array.from(fields.flatMap(([name, value]) => [0, ...literal(name), ...literal(value)]));
}

function literal(string: string): number[] {
  const length = string.length < 127 ? [string.length] : [127, ...varint(string.length - 127)];
  return [...length, ...ascii(string)];
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)];
}

export const preface = ascii("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

export const settings = (...entries: readonly (readonly [id: number, value: number])[]): Uint8Array =>
  frame(
    4,
    0,
    0,
    entries.flatMap(([id, value]) => [0, id, ...uint32(value)]),
  );
export const settingsAck = frame(4, 1, 0);
export const headers = (stream: number, fields: FieldList, { end = false } = {}): Uint8Array =>
  frame(1, end ? 5 : 4, stream, literalBlock(fields));
export const data = (stream: number, payload: string | Uint8Array, { end = false } = {}): Uint8Array =>
  frame(0, end ? 1 : 0, stream, typeof payload === "string" ? ascii(payload) : payload);
export const rst = (stream: number, code: number = ErrorCode.CANCEL): Uint8Array => frame(3, 0, stream, uint32(code));
export const ping = (payload = 0, { ack = false } = {}): Uint8Array =>
  frame(6, ack ? 1 : 0, 0, [0, 0, 0, 0, ...uint32(payload)]);
export const goAway = (last: number, code: number = ErrorCode.NO_ERROR, debug = ""): Uint8Array =>
  frame(7, 0, 0, [...uint32(last), ...uint32(code), ...ascii(debug)]);
export const windowUpdate = (stream: number, increment: number): Uint8Array => frame(8, 0, stream, uint32(increment));

export const get = (path = "/"): FieldList => [
  [":method", "GET"],
  [":scheme", "http"],
  [":path", path],
  [":authority", "test"],
];
export const post = (path = "/"): FieldList => [[":method", "POST"], ...get(path).slice(1)];
export const ok: FieldList = [[":status", "200"]];

/** Cuts what an endpoint sent into frames, and tells each in a line. */
export class Transcript {
  #rest = new Uint8Array(0);
  readonly #decoder = new Decoder({ maxHeaderListBytes: 1 << 20, maxHeaderFields: 10_000 }, 4096);
  /** Payload bytes of DATA so far. */
  dataBytes = 0;

  read(bytes: Uint8Array): string[] {
    const all = join(this.#rest, bytes);
    const lines: string[] = [];
    let at = 0;
    if (all.length >= preface.length && String.fromCharCode(...all.subarray(0, 3)) === "PRI") at = preface.length;
    while (all.length - at >= 9) {
      const length = (all[at]! << 16) | (all[at + 1]! << 8) | all[at + 2]!;
      if (all.length - at < 9 + length) break;
      lines.push(this.#line(all[at + 3]!, all[at + 4]!, word(all, at + 5), all.subarray(at + 9, at + 9 + length)));
      at += 9 + length;
    }
    this.#rest = all.slice(at);
    return lines;
  }

  #line(type: number, flags: number, stream: number, payload: Uint8Array): string {
    const name = types[type] ?? `type ${type}`;
    const start = stream === 0 ? name : `${name} ${stream}`;
    switch (name) {
      case "DATA":
        this.dataBytes += payload.length;
        return `${start}${flags & 1 ? " END" : ""} ${payload.length > 40 ? `${payload.length} bytes` : text(payload)}`.trim();
      case "HEADERS": {
        const { flat } = this.#decoder.decode(payload, 0, payload.length);
        const fields = flat.map((part, i) => (i % 2 === 0 ? ` ${part}` : `=${part}`)).join("");
        return `${start}${flags & 1 ? " END" : ""}${fields}`;
      }
      case "RST_STREAM":
        return `${start} ${errorCodeName(word(payload, 0))}`;
      case "SETTINGS": {
        if (flags & 1) return "SETTINGS ACK";
        let line = start;
        for (let i = 0; i < payload.length; i += 6) line += ` ${settingNames[payload[i + 1]!]}=${word(payload, i + 2)}`;
        return line;
      }
      case "PING":
        return `PING${flags & 1 ? " ACK" : ""} ${word(payload, 4)}`;
      case "GOAWAY":
        return `GOAWAY last=${word(payload, 0)} ${errorCodeName(word(payload, 4))} ${text(payload.subarray(8))}`.trim();
      case "WINDOW_UPDATE":
        return `${start} +${word(payload, 0)}`;
      default:
        return `${start} ${payload.length} bytes`;
    }
  }
}

function word(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

function text(bytes: Uint8Array): string {
  return bytes.length === 0 ? "" : JSON.stringify(String.fromCharCode(...bytes));
}
