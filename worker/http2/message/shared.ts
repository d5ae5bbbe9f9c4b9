/**
 * What several connections' blocks mean alike, in one object for all of them: whatever is found out about a head by its
 * identity then holds for every caller that sends it.
 */
import type { Fields } from "../../call/fields.ts";
import type { ParsedRequest, ParsedResponse, ParsedTrailers } from "./parse.ts";

/** Meanings kept; the one that was met first goes first. */
const most = 1024;

type Parsed = ParsedRequest | ParsedResponse | ParsedTrailers;

const meanings = new Map<string, Parsed>();

/** `parsed`, or what equals it and was met before. Frozen either way. */
export function shared<T extends Parsed>(parsed: T): T {
  const fields = fieldsOf(parsed);
  if (parsed.kind !== "trailers") Object.freeze(parsed.head);
  // Values that no table may hold are not kept beyond their connection.
  if (fields.neverIndexed !== undefined) return parsed;
  const key = JSON.stringify([controlData(parsed), fields.flat]);
  const known = meanings.get(key);
  if (known !== undefined) return known as T;
  meanings.set(key, parsed);
  const [oldest] = meanings.keys();
  if (meanings.size > most && oldest !== undefined) meanings.delete(oldest);
  return parsed;
}

function fieldsOf(parsed: Parsed): Fields {
  return parsed.kind === "trailers" ? parsed.fields : parsed.head.fields;
}

function controlData(parsed: Parsed): readonly (string | number)[] {
  switch (parsed.kind) {
    case "request": {
      const { method, scheme, authority, path } = parsed.head;
      return [parsed.contentLength, method, scheme, authority, path];
    }
    case "response":
      return [parsed.contentLength, parsed.head.status];
    case "trailers":
      return [];
  }
}
