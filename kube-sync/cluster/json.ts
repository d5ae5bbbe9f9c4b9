import type { Problem, Reader } from "../objects/read.ts";

/**
 * What `reader` makes of JSON.
 * @throws an Error that names the first field that is wrong.
 */
export function readJson<T>(reader: Reader<T>, value: unknown): T {
  const problems: Problem[] = [];
  const result = reader(value, "", problems);
  const [first] = problems;
  if (first !== undefined) throw new Error(`${first.field} ${first.reason}`.trim());
  return result;
}
