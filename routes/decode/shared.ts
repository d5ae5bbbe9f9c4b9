/** What the policies' decoding shares: bounds on numbers, and one object for equal ones. */
import type { Place } from "../issues.ts";
import { limits, list, nothing } from "./list.ts";

/** Equal objects of one table are one object, so that what is kept for each is kept once. */
export class Shared {
  readonly #known = new Map<string, object>();

  /** `value`, frozen plain data, or what was equal to it before. */
  of<T extends object>(value: T): T {
    const key = JSON.stringify(value);
    const known = this.#known.get(key);
    if (known !== undefined) return known as T;
    this.#known.set(key, value);
    return value;
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
