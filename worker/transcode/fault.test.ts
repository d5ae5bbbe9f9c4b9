import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { faultIn } from "./fault.ts";
import { libraryDescriptors } from "./library.fixture.ts";

const { registry } = libraryDescriptors;
const book = libraryDescriptors.method("/library.Library/Get")!.input;
const list = libraryDescriptors.method("/library.Library/List")!.input;
const response = libraryDescriptors.method("/library.Library/List")!.output;

/** `author` in `depth` authors. */
function within(depth: number, author: JsonObject): JsonValue {
  let json = author;
  for (let i = 0; i < depth; i++) json = { mentor: json };
  return { author: json };
}

/** `json` with a `born` that no message has, and how often it is read. */
function counting(json: JsonObject): { json: JsonObject; reads: () => number } {
  let reads = 0;
  Object.defineProperty(json, "born", {
    enumerable: true,
    get() {
      reads++;
      return true;
    },
  });
  return { json, reads: () => reads };
}

test("the first mistake is found wherever it is", () => {
  const cases: [JsonValue, string][] = [
    [{ name: "a", tags: ["a", "b", 3, 4], pages: "x" }, "tags[2]"],
    [{ unknown: 1, pages: "x", lent: 1 }, "pages"],
    [within(20, { born: true }), `author${".mentor".repeat(20)}.born`],
    [{ name: "a" }, ""],
    [[], ""],
  ];
  for (const [json, place] of cases) expect(faultIn(book, json, registry)).toBe(place);
  const books = Array.from({ length: 3000 }, (_, i) => ({ pages: i === 2345 ? "x" : i }));
  expect(faultIn(response, { books, next: 1 }, registry)).toBe("books[2345].pages");
  expect(faultIn(list, { __proto__: 1, pageSize: "many" }, registry)).toBe("pageSize");
});

test("a large value deep within others is read again a few times, and the place is as deep as was found till then", () => {
  const { json, reads } = counting({ name: "x".repeat(60_000) });
  const place = faultIn(book, within(90, json), registry);
  expect(place).toMatch(/^author(\.mentor){2,20}$/);
  expect(reads()).toBeLessThan(20);
});

test("many values in a list are not looked at one by one", () => {
  const born: JsonObject[] = Array.from({ length: 20_000 }, () => ({}));
  const last = counting(born.at(-1)!);
  expect(faultIn(response, { books: born.map((author) => ({ author })) }, registry)).toBe("books[19999].author.born");
  expect(last.reads()).toBeLessThan(60);
});

test("the search ends where messages may be no deeper", () => {
  expect(faultIn(book, within(20_000, { born: true }), registry)).toBe(`author${".mentor".repeat(99)}`);
});
