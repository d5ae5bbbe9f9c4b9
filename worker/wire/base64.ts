/**
 * Base64 without the runtime's own functions: those of workerd, Node and Deno differ, and none decodes a stream.
 * Both alphabets are read, padded or not (RFC 4648 sections 4 and 5), as `-bin` metadata and Connect's GET ask for.
 */
const standard = codes("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
const ascii = new TextDecoder("latin1");
const pad = 0x3d;

/** Value of each ASCII character in either alphabet; 64 marks padding, 255 what is in neither. */
const values = new Uint8Array(256).fill(255);
standard.forEach((code, value) => (values[code] = value));
values["-".charCodeAt(0)] = 62;
values["_".charCodeAt(0)] = 63;
values[pad] = 64;

function codes(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** `bytes` as ASCII bytes of the standard alphabet, padded. */
export function encodeBase64Bytes(bytes: Uint8Array): Uint8Array {
  const text = new Uint8Array(Math.ceil(bytes.length / 3) * 4);
  let to = 0;
  for (let from = 0; from < bytes.length; from += 3) {
    const left = bytes.length - from;
    const group = (bytes[from]! << 16) | ((left > 1 ? bytes[from + 1]! : 0) << 8) | (left > 2 ? bytes[from + 2]! : 0);
    text[to++] = standard[group >> 18]!;
    text[to++] = standard[(group >> 12) & 63]!;
    text[to++] = left > 1 ? standard[(group >> 6) & 63]! : pad;
    text[to++] = left > 2 ? standard[group & 63]! : pad;
  }
  return text;
}

/** `bytes` in the standard alphabet without padding, as gRPC and Connect emit it. */
export function encodeBase64(bytes: Uint8Array): string {
  const text = encodeBase64Bytes(bytes);
  return ascii.decode(text.subarray(0, Math.ceil((bytes.length * 4) / 3)));
}

/** The bytes of `text`, in either alphabet, padded or not. Undefined if it is no base64. */
export function decodeBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  const length = unpaddedLength(text);
  if (length === undefined) return undefined;
  const bytes = new Uint8Array((length * 3) >> 2);
  let group = 0;
  let to = 0;
  for (let from = 0; from < length; from++) {
    group = (group << 6) | values[text.charCodeAt(from)]!;
    if (from % 4 === 3) {
      bytes[to++] = group >> 16;
      bytes[to++] = group >> 8;
      bytes[to++] = group;
    }
  }
  if (length % 4 === 2) bytes[to] = group >> 4;
  if (length % 4 === 3) {
    bytes[to++] = group >> 10;
    bytes[to] = group >> 2;
  }
  return bytes;
}

/** Whether `text` is base64, in either alphabet, padded or not. */
export function isBase64(text: string): boolean {
  return unpaddedLength(text) !== undefined;
}

function unpaddedLength(text: string): number | undefined {
  let length = text.length;
  while (length > 0 && text.length - length < 2 && text.charCodeAt(length - 1) === pad) length--;
  if (length % 4 === 1) return undefined;
  if (length < text.length && text.length % 4 !== 0) return undefined;
  for (let at = 0; at < length; at++) {
    const code = text.charCodeAt(at);
    if (code > 127 || values[code]! > 63) return undefined;
  }
  return length;
}

/**
 * Decodes base64 that arrives in chunks cut anywhere. It may be several padded texts one after the other
 * (grpc/doc/PROTOCOL-WEB.md: each flush of the peer may end in padding).
 */
export class Base64Decoder {
  #group = 0;
  #digits = 0;
  #pads = 0;

  /** The bytes that `text` completes. Undefined if it is no base64; the decoder is of no use after that. */
  push(text: Uint8Array): Uint8Array | undefined {
    const bytes = new Uint8Array(((this.#digits + text.length) * 3) >> 2);
    let to = 0;
    for (const code of text) {
      const value = values[code]!;
      if (value > 64) return undefined;
      if (value === 64) this.#pads++;
      else if (this.#pads > 0) return undefined;
      this.#group = (this.#group << 6) | (value & 63);
      if (++this.#digits < 4) continue;
      if (this.#pads > 2) return undefined;
      bytes[to++] = this.#group >> 16;
      if (this.#pads < 2) bytes[to++] = this.#group >> 8;
      if (this.#pads < 1) bytes[to++] = this.#group;
      this.#group = this.#digits = this.#pads = 0;
    }
    return bytes.subarray(0, to);
  }

  /** The bytes of a last group without padding. Undefined if the text stops where none may. */
  finish(): Uint8Array | undefined {
    if (this.#digits === 0) return new Uint8Array(0);
    if (this.#digits === 1 || this.#pads > 0) return undefined;
    return this.push(new Uint8Array(4 - this.#digits).fill(pad));
  }
}
