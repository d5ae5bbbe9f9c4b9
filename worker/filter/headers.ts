/** Header modification: Gateway API's HTTPHeaderFilter. */
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
