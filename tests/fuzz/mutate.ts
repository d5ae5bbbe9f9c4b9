/** Inputs made of other inputs. */
import type { Random } from "../http2/random.ts";
import { bytesOf, join, one } from "./target.ts";

/** Bytes and lengths at which decoders count wrong. */
const edges = [0, 1, 2, 0x0a, 0x0d, 0x20, 0x25, 0x3d, 0x7f, 0x80, 0xc0, 0xfe, 0xff];
const numbers = [0, 1, 5, 127, 128, 255, 256, 16_383, 16_384, 65_535, 65_536, 0x7fffffff, 0x80000000, 0xffffffff];

/** Bytes of most inputs, and of the few that show what is slower than linear. */
const mostBytes = 4096;
const mostLargeBytes = 131_072;

/** `input` with one to eight changes. `others`: the corpus. */
export function mutate(
  input: Uint8Array,
  others: readonly Uint8Array[],
  tokens: readonly string[],
  random: Random,
): Uint8Array {
  const { below } = random;
  let bytes = input;
  for (let changes = 1 + below(below(4) === 0 ? 8 : 2); changes > 0; changes--) {
    bytes = change(bytes, others, tokens, random);
  }
  if (below(2000) === 0) return grown(bytes, random);
  return bytes.length > mostBytes && bytes.length > input.length ? bytes.slice(0, mostBytes) : bytes;
}

function change(
  bytes: Uint8Array,
  others: readonly Uint8Array[],
  tokens: readonly string[],
  random: Random,
): Uint8Array {
  const { below } = random;
  const at = below(bytes.length + 1);
  const end = Math.min(bytes.length, at + 1 + below(one(random, [1, 4, 16, 64])));
  switch (below(11)) {
    case 0:
      return replaced(bytes, at, Math.min(bytes.length, at + 1), [(bytes[at] ?? 0) ^ (1 << below(8))]);
    case 1:
      return replaced(bytes, at, Math.min(bytes.length, at + 1), [one(random, edges)]);
    case 2:
      return replaced(bytes, at, at, [below(256)]);
    case 3:
      return replaced(bytes, at, end, []);
    case 4:
      return replaced(bytes, at, at, bytes.subarray(at, end));
    case 5:
      return replaced(bytes, at, Math.min(bytes.length, at + 4), wordOf(random));
    case 6:
      return join([bytes.subarray(0, at), piece(one(random, others), random)]);
    case 7:
      return replaced(bytes, at, end, piece(one(random, others), random));
    case 8:
      return bytes.slice(0, at);
    default:
      if (tokens.length === 0) return replaced(bytes, at, end, [below(256)]);
      return replaced(bytes, at, below(2) === 0 ? at : end, bytesOf(one(random, tokens)));
  }
}

function replaced(bytes: Uint8Array, start: number, end: number, by: ArrayLike<number>): Uint8Array {
  return join([bytes.subarray(0, start), Uint8Array.from(by), bytes.subarray(end)]);
}

function piece(bytes: Uint8Array, { below }: Random): Uint8Array {
  const start = below(bytes.length + 1);
  return bytes.subarray(start, start + below(200));
}

/** An edge of some integer, in one to four bytes, big-endian or little-endian. */
function wordOf(random: Random): number[] {
  const number = one(random, numbers) + random.below(3) - 1;
  const bytes = [number >>> 24, number >>> 16, number >>> 8, number].slice(random.below(4)).map((byte) => byte & 255);
  return random.below(3) === 0 ? bytes.toReversed() : bytes;
}

/** A part of it repeated until it is large. */
function grown(bytes: Uint8Array, { below }: Random): Uint8Array {
  const start = below(bytes.length + 1);
  const part = bytes.subarray(start, start + 1 + below(40));
  if (part.length === 0) return bytes;
  const times = Math.floor((4096 + below(mostLargeBytes - 4096)) / part.length);
  return join([bytes.subarray(0, start), ...Array.from({ length: times }, () => part), bytes.subarray(start)]);
}
