import type { Problem, Reader } from "../../objects/read.ts";

/**
 * Reads an annotation's JSON. Both ALB controllers take fields in any case: `read` asks for them in lower case.
 * Returns why it is wrong, if it is.
 */
export function readJson<T>(text: string, read: Reader<T>): { readonly value: T } | string {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return "is not JSON";
  }
  const problems: Problem[] = [];
  const value = read(lowerCaseFields(parsed, 16), "", problems);
  const wrong = problems.find(({ level }) => level === "error");
  return wrong === undefined ? { value } : `${wrong.field} ${wrong.reason}`.trim();
}

function lowerCaseFields(value: unknown, depth: number): unknown {
  if (typeof value !== "object" || value === null || depth === 0) return value;
  if (Array.isArray(value)) return value.map((item) => lowerCaseFields(item, depth - 1));
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key.toLowerCase(), lowerCaseFields(item, depth - 1)]),
  );
}
