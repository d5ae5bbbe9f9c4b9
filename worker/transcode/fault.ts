/** Where in a message's JSON the mistake is: the library's errors name the field's type, not the way to it. */
import { type DescField, type DescMessage, fromJson, type JsonValue, type Registry } from "@bufbuild/protobuf";
import { isObject } from "./json-object.ts";

/**
 * The way to the first value that cannot be read, such as "author.mentor.born" or "books[2].pages". Empty if it is the
 * message itself. Reads the message again, part by part: not for large ones.
 */
export function faultIn(desc: DescMessage, json: JsonValue, registry: Registry): string {
  return new Search(registry).in(desc, json).join("").replace(/^\./, "");
}

class Search {
  readonly #registry: Registry;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  in(desc: DescMessage, json: JsonValue): string[] {
    // Google's own types have a JSON of their own, which is no object of fields.
    if (!isObject(json) || desc.typeName.startsWith("google.protobuf.")) return [];
    for (const [key, value] of Object.entries(json)) {
      const field = desc.fields.find(({ name, jsonName }) => name === key || jsonName === key);
      if (field !== undefined && !this.#reads(desc, key, value))
        return [`.${key}`, ...this.#inField(desc, field, key, value)];
    }
    return [];
  }

  #inField(desc: DescMessage, field: DescField, key: string, value: JsonValue): string[] {
    const inside = (item: JsonValue): string[] => (field.message === undefined ? [] : this.in(field.message, item));
    if (field.fieldKind === "list" && Array.isArray(value)) {
      const index = value.findIndex((item) => !this.#reads(desc, key, [item]));
      return index < 0 ? [] : [`[${index}]`, ...inside(value[index]!)];
    }
    if (field.fieldKind === "map" && isObject(value)) {
      const entry = Object.entries(value).find(([name, item]) => !this.#reads(desc, key, { [name]: item }));
      return entry === undefined ? [] : [`[${JSON.stringify(entry[0])}]`, ...inside(entry[1])];
    }
    return field.fieldKind === "message" ? inside(value) : [];
  }

  #reads(desc: DescMessage, key: string, value: JsonValue): boolean {
    try {
      fromJson(desc, { [key]: value }, { registry: this.#registry, ignoreUnknownFields: true });
      return true;
    } catch {
      return false;
    }
  }
}
