/** Strings in the Huffman code (RFC 7541 section 5.2), by table. */
import { ConnectionError, ErrorCode } from "../error.ts";
import { codeLengths, codes, eos, firstCode, firstSymbol, symbols } from "./huffman-code.ts";

/** Bits looked at in one step. Codes of all printable ASCII but a few rare signs are not longer. */
const stepBits = 10;

/** By the next ten bits: the symbol and, above it, its code's length; 0 where the code is longer. */
const steps = new Uint16Array(1 << stepBits);
for (let symbol = 0; symbol < eos; symbol++) {
  const length = codeLengths[symbol]!;
  if (length > stepBits) continue;
  const first = codes[symbol]! << (stepBits - length);
  steps.fill((length << 8) | symbol, first, first + (1 << (stepBits - length)));
}

/** Bytes that {@link decodeHuffman} may write for `length` bytes of code: the shortest code has five bits. */
export function maxDecodedBytes(length: number): number {
  return (length * 8) / 5 + 1;
}

/** Decodes `bytes[at, end)` to the start of `into`, which has room. Returns how many bytes it wrote. */
export function decodeHuffman(bytes: Uint8Array, at: number, end: number, into: Uint8Array): number {
  let written = 0;
  let buffer = 0; // the low `bits` bits are still to be decoded
  let bits = 0;
  for (;;) {
    while (bits <= 16 && at < end) {
      buffer = ((buffer & 0xffff) << 8) | bytes[at++]!;
      bits += 8;
    }
    if (bits < 5) break;
    const next = bits >= stepBits ? buffer >>> (bits - stepBits) : buffer << (stepBits - bits);
    const step = steps[next & ((1 << stepBits) - 1)]!;
    if (step !== 0) {
      const length = step >>> 8;
      if (length > bits) break;
      bits -= length;
      into[written++] = step & 0xff;
    } else {
      const left = decodeLong(buffer, bits, bytes, at, end);
      if (left === undefined) break;
      into[written++] = left.symbol;
      ({ buffer, bits, at } = left);
    }
  }
  checkPadding(buffer, bits, at, end);
  return written;
}

/** A code longer than a step: the canonical way, a bit at a time. Undefined if the bytes end before it does. */
function decodeLong(
  buffer: number,
  bits: number,
  bytes: Uint8Array,
  at: number,
  end: number,
): { symbol: number; buffer: number; bits: number; at: number } | undefined {
  let code = 0;
  for (let length = 1; length <= 30; length++) {
    if (bits === 0) {
      if (at >= end) return undefined;
      buffer = bytes[at++]!;
      bits = 8;
    }
    bits--;
    code = code * 2 + ((buffer >>> bits) & 1);
    const offset = code - firstCode[length]!;
    const symbol = offset < countOfLength(length) ? symbols[firstSymbol[length]! + offset]! : -1;
    if (offset < 0 || symbol < 0) continue;
    if (symbol === eos) throw new ConnectionError(ErrorCode.COMPRESSION_ERROR, "EOS in a Huffman string");
    return { symbol, buffer, bits, at };
  }
  return undefined;
}

function countOfLength(length: number): number {
  return (length < 30 ? firstSymbol[length + 1]! : symbols.length) - firstSymbol[length]!;
}

/** What is left must be the beginning of EOS, all ones, shorter than a byte (section 5.2). */
function checkPadding(buffer: number, bits: number, at: number, end: number): void {
  const mask = (1 << bits) - 1;
  if (at < end || bits > 7 || (buffer & mask) !== mask) {
    throw new ConnectionError(ErrorCode.COMPRESSION_ERROR, "wrong padding of a Huffman string");
  }
}

/** How many bytes the code of `text`, octets, has. */
export function huffmanLength(text: string): number {
  let bits = 0;
  for (let i = 0; i < text.length; i++) bits += codeLengths[text.charCodeAt(i)]!;
  return (bits + 7) >>> 3;
}

/** Writes the code of `text`, octets, at `at`; returns where it ends. */
export function encodeHuffman(text: string, into: Uint8Array, at: number): number {
  let buffer = 0;
  let bits = 0;
  for (let i = 0; i < text.length; i++) {
    const symbol = text.charCodeAt(i);
    let length = codeLengths[symbol]!;
    const code = codes[symbol]!;
    if (length > 24) {
      // In two parts, so that the buffer's 32 bits are enough.
      length -= 16;
      buffer = (buffer << length) | (code >>> 16);
      bits += length;
      while (bits >= 8) into[at++] = buffer >>> (bits -= 8);
      buffer = (buffer << 16) | (code & 0xffff);
      bits += 16;
    } else {
      buffer = (buffer << length) | code;
      bits += length;
    }
    while (bits >= 8) into[at++] = buffer >>> (bits -= 8);
  }
  if (bits > 0) into[at++] = (buffer << (8 - bits)) | (0xff >>> bits);
  return at;
}
