/** Integers with a prefix (RFC 7541 section 5.1). */
import { ConnectionError, ErrorCode } from "../error.ts";

/** Where a decoder stands in a block. Shared by the routines that read from it. */
export interface Cursor {
  at: number;
  readonly end: number;
}

/** No integer of HPACK needs more: lengths and sizes beyond it are errors wherever they stand (CVE-2023-33953). */
const maxInteger = 0x0fff_ffff;

/** Reads the integer whose first byte `cursor` is at; its prefix is the `mask` bits of that byte. */
export function decodeInteger(bytes: Uint8Array, cursor: Cursor, mask: number): number {
  if (cursor.at >= cursor.end) throw truncated();
  const prefix = bytes[cursor.at++]! & mask;
  if (prefix < mask) return prefix;
  let value = mask;
  for (let shift = 0; ; shift += 7) {
    if (cursor.at >= cursor.end) throw truncated();
    const byte = bytes[cursor.at++]!;
    if (shift > 21) throw new ConnectionError(ErrorCode.COMPRESSION_ERROR, "an HPACK integer beyond all bounds");
    value += (byte & 0x7f) << shift;
    if (byte < 0x80) break;
  }
  if (value > maxInteger) throw new ConnectionError(ErrorCode.COMPRESSION_ERROR, "an HPACK integer beyond all bounds");
  return value;
}

/** Writes `value` at `at` below the bits of `first`; returns where it ends. */
export function encodeInteger(into: Uint8Array, at: number, first: number, mask: number, value: number): number {
  if (value < mask) {
    into[at] = first | value;
    return at + 1;
  }
  into[at++] = first | mask;
  value -= mask;
  while (value >= 0x80) {
    into[at++] = (value & 0x7f) | 0x80;
    value >>>= 7;
  }
  into[at++] = value;
  return at;
}

function truncated(): ConnectionError {
  return new ConnectionError(ErrorCode.COMPRESSION_ERROR, "a header block that breaks off");
}
