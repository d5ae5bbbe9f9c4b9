/** What the policies' decoding shares: bounds on numbers, and one object for equal ones. */
import type { Place } from "../issues.ts";
import { limits, list, nothing } from "./list.ts";

/** Equal objects of one table are one object, so that what is kept for each is kept once. */
export class Shared {
  readonly #known = new Map<string, object>();
  /** The keys of those known, since they are long to make. */
  readonly #keys = new Map<object, string>();
  #before: Shared | undefined;

  /** @param before of the table before: what is equal to what it had is the same object */
  constructor(before?: Shared) {
    this.#before = before;
  }

  close(): void {
    this.#before = undefined;
  }

  /** `value`, frozen plain data, or what was equal to it before. */
  of<T extends object>(value: T): T {
    const key = JSON.stringify(value);
    const known = this.#known.get(key) ?? this.#before?.get(key) ?? value;
    this.#add(key, known);
    return known as T;
  }

  /** Takes over what the table before had, if anything. */
  adopt(value: object | undefined): void {
    const key = value && this.#before?.keyOf(value);
    if (key !== undefined) this.#add(key, value!);
  }

  get(key: string): object | undefined {
    return this.#known.get(key);
  }

  keyOf(value: object): string | undefined {
    return this.#keys.get(value);
  }

  #add(key: string, value: object): void {
    this.#known.set(key, value);
    this.#keys.set(value, key);
  }
}

/** `value`, which is wrong unless it lies between the two, both inclusive. */
export function bounded(value: number, least: number, most: number, place: Place): number {
  if (value < least || value > most) place.wrong(`must be from ${least} to ${most}`);
  return value;
}

/** A time in milliseconds; undefined where it is not set. */
export function time(ms: number, place: Place): number | undefined {
  return ms === 0 ? undefined : bounded(ms, 1, limits.ms, place);
}

/** A share of the calls out of millionths. */
export function share(millionths: number, place: Place): number {
  return bounded(millionths, 0, 1_000_000, place) / 1_000_000;
}

interface Codes {
  readonly grpcCodes: readonly number[];
  readonly httpStatuses: readonly number[];
}

/** The answers that count as failures, each once and in order. */
export function failures(message: Codes, place: Place): Codes {
  return {
    grpcCodes: numbers(message.grpcCodes, 1, 16, place, "grpcCodes"),
    httpStatuses: numbers(message.httpStatuses, 400, 599, place, "httpStatuses"),
  };
}

function numbers(given: readonly number[], least: number, most: number, place: Place, name: string): readonly number[] {
  if (given.length === 0) return nothing;
  const checked = list(given, limits.codes, place, name, (one, at) => bounded(one, least, most, at));
  return Object.freeze([...new Set(checked)].toSorted((a, b) => a - b));
}
