/** Where in a message's JSON the mistake is: the library's errors name the field's type, not the way to it. */
import {
  type DescField,
  type DescMessage,
  fromJson,
  type JsonObject,
  type JsonValue,
  type Registry,
} from "@bufbuild/protobuf";
import { isObject } from "./json-object.ts";

/** Messages within messages that the library reads. */
const maxDepth = 100;

/** Values, and characters of texts, that are read again: four times those of the largest messages that are searched. */
const mostRead = 4 * 64 * 1024;

/**
 * The way to the first value that cannot be read, such as "author.mentor.born" or "books[2].pages", or to what holds it
 * if it takes long to find. Empty if it is the message itself. Reads the message again, part by part: not for large ones.
 */
export function faultIn(desc: DescMessage, json: JsonValue, registry: Registry): string {
  return new Search(registry).in(desc, json, 0).join("").replace(/^\./, "");
}

class Search {
  readonly #registry: Registry;
  #left = mostRead;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  /** @param depth messages that `json` is within */
  in(desc: DescMessage, json: JsonValue, depth: number): string[] {
    // Google's own types have a JSON of their own, which is no object of fields.
    if (!isObject(json) || desc.typeName.startsWith("google.protobuf.") || depth === maxDepth) return [];
    const known = Object.entries(json).filter(([key]) => fieldOf(desc, key) !== undefined);
    const [key, value] = this.#first(known, (some) => this.#reads(desc, Object.fromEntries(some))) ?? [];
    if (key === undefined) return [];
    return [`.${key}`, ...this.#inField(desc, fieldOf(desc, key)!, key, value!, depth)];
  }

  #inField(desc: DescMessage, field: DescField, key: string, value: JsonValue, depth: number): string[] {
    const inside = (item: JsonValue): string[] =>
      field.message === undefined ? [] : this.in(field.message, item, depth + 1);
    if (field.fieldKind === "list" && Array.isArray(value)) {
      const items = value.map((item, index) => ({ item, index }));
      const found = this.#first(items, (some) => this.#reads(desc, { [key]: some.map(({ item }) => item) }));
      return found === undefined ? [] : [`[${found.index}]`, ...inside(found.item)];
    }
    if (field.fieldKind === "map" && isObject(value)) {
      const entry = this.#first(Object.entries(value), (some) =>
        this.#reads(desc, { [key]: Object.fromEntries(some) }),
      );
      return entry === undefined ? [] : [`[${JSON.stringify(entry[0])}]`, ...inside(entry[1])];
    }
    return field.fieldKind === "message" ? inside(value) : [];
  }

  /** The first of `items` that cannot be read, found by halves. Undefined if each can by itself. */
  #first<T>(items: readonly T[], reads: (items: readonly T[]) => boolean): T | undefined {
    let from = 0;
    for (let to = items.length; to - from > 1;) {
      const middle = (from + to) >> 1;
      if (reads(items.slice(from, middle))) from = middle;
      else to = middle;
    }
    const last = items.slice(from, from + 1);
    return reads(last) ? undefined : last[0];
  }

  /** Whether `json` can be read, or it would take too long to say. */
  #reads(desc: DescMessage, json: JsonObject): boolean {
    this.#charge(json, 0);
    if (this.#left < 0) return true;
    try {
      fromJson(desc, json, { registry: this.#registry, ignoreUnknownFields: true });
      return true;
    } catch {
      return false;
    }
  }

  #charge(json: JsonValue, depth: number): void {
    this.#left -= typeof json === "string" ? json.length : 1;
    // Lists and maps are between messages.
    if (typeof json !== "object" || json === null || depth > 2 * maxDepth || this.#left < 0) return;
    for (const part of Object.values(json)) this.#charge(part, depth + 1);
  }
}

function fieldOf(desc: DescMessage, key: string): DescField | undefined {
  return desc.fields.find(({ name, jsonName }) => name === key || jsonName === key);
}
