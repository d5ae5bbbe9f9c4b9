/** What a match asks for besides its path: what it has conditions on, which makes its shape, and the values. */
import type { Condition, Match, Pair } from "./model.ts";

/** Equal for matches that ask for values of the same names. */
export function namesKey({ rpcOnly, protocols, method, headers, params }: Match): string {
  if (!rpcOnly && protocols.length === 0 && method === undefined && headers.length === 0 && params.length === 0)
    return "";
  return JSON.stringify([rpcOnly, protocols, method !== undefined, headers.map(nameOf), params.map(nameOf)]);
}

/** Equal for matches whose other conditions are the same, too. */
export function shapeKey(match: Match): string {
  const { conditions } = match;
  return conditions.length === 0 ? namesKey(match) : namesKey(match) + JSON.stringify(conditions.map(conditionKey));
}

/** Equal for the same conditions. */
export function conditionKey({ subject, pattern, negate }: Condition): string {
  return JSON.stringify([subject.kind, subject.name, pattern?.text, negate]);
}

/** The values that are asked for, in the order of a shape's lookups. */
export function valuesOf(match: Match): readonly string[] {
  const values = [...match.headers, ...match.params].map(([, value]) => value);
  return match.method === undefined ? values : [match.method, ...values];
}

export function nameOf([name]: Pair): string {
  return name;
}
