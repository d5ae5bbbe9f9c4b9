import { expect, test } from "vitest";
import { CallError } from "../call/error.ts";
import { Code } from "../call/status.ts";
import { join } from "../protocol/testing.ts";
import { binaryFromJson, jsonFromBinary } from "./codec.ts";
import { libraryDescriptors } from "./library.fixture.ts";

const { registry } = libraryDescriptors;
const book = libraryDescriptors.method("/library.Library/Get")!.input;

function there(json: string): Uint8Array {
  return binaryFromJson(book, new TextEncoder().encode(json), registry);
}

function refusal(convert: () => unknown): CallError {
  try {
    convert();
  } catch (error) {
    if (error instanceof CallError) return error;
  }
  throw new Error("it was not refused");
}

test("a message comes back as it went, whatever its fields are", () => {
  const json = {
    name: "a",
    bookTitle: "b",
    pages: -1,
    genre: "NOVEL",
    author: { born: "9007199254740993", mentor: { name: "m" } },
    lent: true,
    tags: ["x", "y"],
    printed: "2026-01-02T03:04:05.000000006Z",
    extra: { "@type": "type.googleapis.com/library.Author", name: "any" },
    scan: "AAEC",
  };
  expect(jsonFromBinary(book, there(JSON.stringify(json)), registry)).toEqual(json);
});

test("fields that are not known are left out, as the caller's schema may be newer", () => {
  expect(jsonFromBinary(book, there('{"name": "a", "edition": {"deep": [1]}}'), registry)).toEqual({ name: "a" });
});

test.each([
  ['{"pages": "x"}', "field library.Book.pages"],
  ['{"author": {"mentor": {"born": true}}}', "author.mentor.born: cannot decode field library.Author.born"],
  ['{"tags": ["a", 1]}', "tags[1]: "],
  ['{"genre": 1.5}', "genre: "],
  ['{"printed": "yesterday"}', "printed: "],
  ['{"pages": 2147483648}', "field library.Book.pages"],
  ['{"extra": {"@type": "x/library.Nothing"}}', "library.Nothing is not in the type registry"],
  ["", "no JSON"],
  ["[]", "library.Book"],
  ["{'a': 1}", "no JSON"],
  [`{"author": ${'{"mentor": '.repeat(100)}{}${"}".repeat(101)}`, "recursion depth of 100"],
])("%.40s is refused with what is wrong", (json, reason) => {
  const error = refusal(() => there(json));
  expect(error.code).toBe(Code.INVALID_ARGUMENT);
  expect(error.message).toContain(reason);
});

/** An answer with `depth` messages of type Any, each in the one before it. */
function nestedAny(depth: number): Uint8Array {
  const url = new TextEncoder().encode("x/google.protobuf.Any");
  const pieces: Uint8Array[] = [];
  let length = 0;
  const before = (...bytes: number[]) => {
    pieces.push(Uint8Array.from(bytes));
    length += bytes.length;
  };
  const varint = [0, 7, 14, 21] as const;
  const sized = () => varint.map((shift) => ((length >>> shift) & 0x7f) | (shift < 21 ? 0x80 : 0));
  for (let i = 0; i < depth; i++) {
    if (i > 0) before(0x12, ...sized());
    before(0x0a, url.length, ...url);
  }
  before(0x4a, ...sized());
  return join(...pieces.toReversed());
}

test("messages nested too deeply are said to be so, not that a stack ran out", () => {
  const deep = refusal(() => there(`{"author": ${'{"mentor": '.repeat(5_000)}{}${"}".repeat(5_001)}`));
  expect(deep.code).toBe(Code.INVALID_ARGUMENT);
  expect(deep.message).not.toContain("call stack");
  const answer = refusal(() => jsonFromBinary(book, nestedAny(20_000), registry));
  expect(answer.code).toBe(Code.INTERNAL);
  expect(answer.message).toContain("nested too deeply");
});

test("a reason is short, however long the message is", () => {
  expect(refusal(() => there(`{"pages": "${"x".repeat(10_000)}"}`)).message.length).toBeLessThan(600);
});

test("text that is no UTF-8 is refused", () => {
  expect(refusal(() => binaryFromJson(book, Uint8Array.of(0x22, 0xff, 0x22), registry)).message).toContain("no JSON");
});

test("an answer that is no such message is the origin's fault", () => {
  const error = refusal(() => jsonFromBinary(book, Uint8Array.of(0xff), registry));
  expect(error).toMatchObject({ code: Code.INTERNAL, side: "origin" });
});
