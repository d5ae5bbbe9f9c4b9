/** Header modification: Gateway API's HTTPHeaderFilter. */
import type { Filter, HeaderFilter } from "../../routes/model.ts";
import { Fields } from "../call/fields.ts";

/** Names in lower case. */
export interface HeaderModifier {
  readonly set: readonly (readonly [name: string, value: string])[];
  readonly add: readonly (readonly [name: string, value: string])[];
  readonly remove: readonly string[];
}

/** `fields` with `modifier` applied: set replaces every value of its name, add appends, remove deletes. */
export function modifyHeaders(fields: Fields, modifier: HeaderModifier): Fields {
  const flat: string[] = [];
  for (let i = 0; i < fields.flat.length; i += 2) {
    const name = fields.flat[i]!;
    if (modifier.remove.includes(name) || modifier.set.some(([set]) => set === name)) continue;
    flat.push(name, fields.flat[i + 1]!);
  }
  for (const [name, value] of modifier.set) if (!modifier.remove.includes(name)) flat.push(name, value);
  for (const [name, value] of modifier.add) if (!modifier.remove.includes(name)) flat.push(name, value);
  return new Fields(flat, fields.neverIndexed);
}

/** `fields` with `modifiers` applied in their order. */
export function modifyAll(fields: Fields, modifiers: readonly HeaderModifier[]): Fields {
  let modified = fields;
  for (const modifier of modifiers) modified = modifyHeaders(modified, modifier);
  return modified;
}

const none: readonly HeaderModifier[] = [];

/** Those among `filters` that are of `kind`; tokens that are not to reach the origin are removed from requests. */
export function modifiersOf(kind: HeaderFilter["kind"], filters: readonly Filter[]): readonly HeaderModifier[] {
  if (filters.length === 0) return none;
  return filters.flatMap((filter): HeaderModifier[] => {
    if (filter.kind === kind) return [filter];
    const removes = filter.kind === "jwt" && kind === "requestHeaders" && !filter.forward;
    return removes ? [{ set: [], add: [], remove: filter.headers }] : [];
  });
}
