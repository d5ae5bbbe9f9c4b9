/** Header modification: Gateway API's HTTPHeaderFilter. */
import type { Filter, HeaderFilter } from "../../routes/model.ts";
import { Fields } from "../call/fields.ts";
import { hiddenFields } from "./jwt-token.ts";

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

/** Those among `filters` that are of `kind`. */
export function modifiersOf(kind: HeaderFilter["kind"], filters: readonly Filter[]): readonly HeaderModifier[] {
  if (filters.length === 0) return none;
  return filters.filter((filter): filter is HeaderFilter => filter.kind === kind);
}

/** What is done to a request of `fields`: tokens that are not to reach the origin are removed, too. */
export function requestModifiersOf(filters: readonly Filter[], fields: Fields): readonly HeaderModifier[] {
  if (filters.length === 0) return none;
  return filters.flatMap((filter): readonly HeaderModifier[] => {
    if (filter.kind === "requestHeaders") return [filter];
    const remove = filter.kind === "jwt" ? hiddenFields(filter, fields) : [];
    return remove.length === 0 ? none : [{ set: [], add: [], remove }];
  });
}
