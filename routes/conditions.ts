/** The conditions of a match besides its path: their names, which make its shape, and their values. */
import type { Match, Pair } from "./model.ts";

/** Equal for matches with conditions on the same names. */
export function shapeKey(match: Match): string {
  const { method, headers, params } = match;
  if (method === undefined && headers.length === 0 && params.length === 0) return "";
  return JSON.stringify([method !== undefined, headers.map(nameOf), params.map(nameOf)]);
}

/** What the conditions ask for, in the order of a shape's lookups. */
export function valuesOf(match: Match): readonly string[] {
  const values = [...match.headers, ...match.params].map(([, value]) => value);
  return match.method === undefined ? values : [match.method, ...values];
}

export function nameOf([name]: Pair): string {
  return name;
}
