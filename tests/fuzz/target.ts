/** What is fuzzed: one decoder, or one that must agree with another. */
import { newRandom, type Random } from "../http2/random.ts";

export interface Target {
  /** Inputs to begin with, besides those in corpus/NAME. */
  readonly seeds: readonly Uint8Array[];
  /** What changed inputs get put in: the format's own words, its limits, what was an attack elsewhere. */
  readonly tokens: readonly string[];
  /** An input by the format's grammar, mostly right. Undefined: inputs only come from others. */
  readonly generate?: (random: Random) => Uint8Array;
  /**
   * Takes one input. Returns what came of it in few words, by which inputs that do something new are told from others.
   * Throws for anything amiss: what it tests may only throw the errors that it says it throws, which are caught here.
   * Depends on the input alone, so that the input repeats it.
   */
  readonly run: (input: Uint8Array) => string;
}

const utf8 = new TextEncoder();
const text = new TextDecoder();

/** A text as an input. Characters beyond ASCII are UTF-8. */
export function bytesOf(string: string): Uint8Array {
  return utf8.encode(string);
}

/** An input as a text: U+FFFD where it is no UTF-8. */
export function textOf(input: Uint8Array): string {
  return text.decode(input);
}

/** An input as octets, one character each: how field values arrive. */
export function octetsOf(input: Uint8Array): string {
  let octets = "";
  for (const byte of input) octets += String.fromCharCode(byte);
  return octets;
}

/** Something does not hold. */
export class Amiss extends Error {
  override readonly name = "Amiss";
}

export function check(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Amiss(what);
}

/** Both must be the same as JSON says it, where bytes are lists of numbers. */
export function same(got: unknown, wanted: unknown, what: string): void {
  if (got instanceof Uint8Array && wanted instanceof Uint8Array && Buffer.compare(got, wanted) === 0) return;
  const [a, b] = [plain(got), plain(wanted)];
  if (a !== b) throw new Amiss(`${what}: ${around(a, b)} is not ${around(b, a)}`);
}

function plain(value: unknown): string {
  return (
    JSON.stringify(value, (_, part: unknown) => {
      if (part instanceof Uint8Array) return Array.from(part);
      return typeof part === "bigint" ? `${part}n` : part;
    }) ?? "undefined"
  );
}

/** `a` near where it is no longer `b`. */
function around(a: string, b: string): string {
  let at = 0;
  while (at < a.length && a[at] === b[at]) at++;
  return `…${a.slice(Math.max(0, at - 40), at + 80)}…`;
}

/** An error that is declared. */
export class Refusal {
  /** Why, as {@link kindOf} says it. */
  readonly kind: string;

  constructor(kind: string) {
    this.kind = kind;
  }
}

/**
 * What `attempt` gives, or why it refused: with an error that is a `declared` one, and that does not only dress up a
 * stack which ran out.
 */
export function unless<T>(declared: new (...args: never[]) => Error, attempt: () => T): T | Refusal {
  try {
    return attempt();
  } catch (error) {
    if (!(error instanceof declared) || /call stack/i.test(`${error.message} ${String(error.cause)}`)) throw error;
    return new Refusal(kindOf(error.message));
  }
}

/** A random that an input brings along. */
export function randomOf(input: Uint8Array): Random {
  let hash = input.length;
  for (const byte of input) hash = (Math.imul(hash, 31) + byte) | 0;
  return newRandom(hash);
}

/** `input` in pieces: small ones mostly, some of one byte. */
export function pieces(input: Uint8Array, { below }: Random): Uint8Array[] {
  const most = [1, 4, 30, 1000][below(4)]!;
  // Many pieces of a large input take long and tell no more.
  const least = Math.floor(input.length / 4096);
  const cut: Uint8Array[] = [];
  for (let at = 0; at < input.length;) {
    const length = 1 + least + below(most);
    cut.push(input.slice(at, at + length));
    at += length;
  }
  return cut;
}

export function join(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

export function one<T>({ below }: Random, of: readonly T[]): T {
  return of[below(of.length)]!;
}

/** Up to `most` of what `make` makes. */
export function some<T>({ below }: Random, most: number, make: () => T): T[] {
  return Array.from({ length: below(most + 1) }, make);
}

/** A kind of outcome: without the numbers and quoted texts that differ from input to input. */
export function kindOf(message: string): string {
  return message
    .slice(0, 200)
    .replaceAll(/"(?:[^"\\]|\\.)*"?|'[^']*'?/g, '""')
    .replaceAll(/\d+/g, "0");
}
