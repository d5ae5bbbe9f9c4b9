/** Messages from JSON to protobuf and back, requests by REST, and descriptor sets. */
import { createFileRegistry, type DescMessage, type FileRegistry, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  file_google_protobuf_any,
  file_google_protobuf_struct,
  file_google_protobuf_wrappers,
  FileDescriptorSetSchema,
} from "@bufbuild/protobuf/wkt";
import { readDescriptorSet } from "../../../kube-sync/descriptors/set.ts";
import { CallError } from "../../../worker/call/error.ts";
import { binaryFromJson, jsonBytes, jsonFromBinary } from "../../../worker/transcode/codec.ts";
import { Descriptors } from "../../../worker/transcode/descriptors.ts";
import { libraryBytes, libraryDescriptors } from "../../../worker/transcode/library.fixture.ts";
import { requestMessage } from "../../../worker/transcode/rest/request.ts";
import { parseTemplate } from "../../../worker/transcode/rest/template.ts";
import type { Random } from "../../http2/random.ts";
import { bytesOf, check, octetsOf, one, Refusal, same, some, type Target, unless } from "../target.ts";
import { changeMessage } from "./messages.ts";

// ---- Messages.

const wellKnown: FileRegistry = createFileRegistry(
  ...[file_google_protobuf_any, file_google_protobuf_struct, file_google_protobuf_wrappers].map((file) =>
    createFileRegistry(file.proto, () => undefined),
  ),
);
const kinds: readonly (readonly [FileRegistry, DescMessage])[] = [
  ...["Book", "ListRequest", "UpdateRequest"].map((name) => of(libraryDescriptors.registry, `library.${name}`)),
  ...["Value", "Struct", "Any", "DoubleValue"].map((name) => of(wellKnown, `google.protobuf.${name}`)),
];

function of(registry: FileRegistry, name: string): readonly [FileRegistry, DescMessage] {
  return [registry, registry.getMessage(name)!];
}

const keys = [
  "name",
  "bookTitle",
  "book_title",
  "pages",
  "genre",
  "author",
  "mentor",
  "born",
  "tags",
  "printed",
  "extra",
  "scan",
  "@type",
  "value",
  "__proto__",
  "mask",
  "within",
  "genres",
];
const values = [
  '"x"',
  "1",
  "-1",
  "1e400",
  "9007199254740993",
  '"9223372036854775807"',
  "null",
  "true",
  '"NOVEL"',
  '"2020-01-01T00:00:00Z"',
  '"1.5s"',
  '"a.b,c"',
  '"AA=="',
  "{}",
  "[]",
  '"type.googleapis.com/library.Book"',
  '"\\ud83d"',
  '"NaN"',
  "0.5",
  '"type.googleapis.com/google.protobuf.Value"',
];

function jsonBy(random: Random, depth: number): string {
  const { below } = random;
  if (depth > 6 || below(3) === 0) return one(random, values);
  if (below(5) === 0) return `[${some(random, 3, () => jsonBy(random, depth + 1)).join(",")}]`;
  return `{${some(random, 5, () => `"${one(random, keys)}":${jsonBy(random, depth + 1)}`).join(",")}}`;
}

/** Input: one byte for the type, then JSON. */
export const json: Target = {
  seeds: [
    '0{"name":"x","author":{"mentor":{"born":"1"}},"tags":["a"],"printed":"2020-01-01T00:00:00Z"}',
    '0{"extra":{"@type":"type.googleapis.com/library.Book","name":"y"}}',
    '3{"a":[1,null,{"b":true}]}',
    `3${"[".repeat(2000)}${"]".repeat(2000)}`,
    `0${'{"author":{"mentor":'.repeat(60)}`,
    '5{"@type":"type.googleapis.com/google.protobuf.Value","value":1}',
    '6"NaN"',
  ].map(bytesOf),
  tokens: [...keys.map((key) => `"${key}":`), ...values, "{", "}", "[", "]", ",", '{"author":', '{"mentor":', "[["],
  generate: (random) => bytesOf(`${random.below(7)}${jsonBy(random, 0)}`),
  run(input) {
    const [registry, desc] = kinds[(input[0] ?? 0) % kinds.length]!;
    const bytes = unless(CallError, () => binaryFromJson(desc, input.subarray(1), registry));
    if (bytes instanceof Refusal) return bytes.kind;
    const back = unless(CallError, () => jsonFromBinary(desc, bytes, registry));
    if (back instanceof Refusal) return back.kind;
    same(binaryFromJson(desc, jsonBytes(back), registry), bytes, "there and back");
    return `${desc.name} ${Math.min(bytes.length, 20)}`;
  },
};

/** Input: one byte for the type, then protobuf. */
export const protobuf: Target = {
  seeds: [[48], [48, 10, 1, 120, 42, 4, 10, 2, 97, 98], [51, 26, 1, 120], [53, 10, 1, 47], [48, 0xff, 0xff]].map(
    (bytes) => Uint8Array.from(bytes),
  ),
  tokens: ["*\u0004", "\u001a\u0002", "\u007f\u007f\u007f\u007f\u000f", "2\u0000", "J\u0003\u000a\u0001/"],
  run(input) {
    const [registry, desc] = kinds[(input[0] ?? 0) % kinds.length]!;
    const said = unless(CallError, () => jsonFromBinary(desc, input.subarray(1), registry));
    if (said instanceof Refusal) return said.kind;
    const text = jsonBytes(said);
    const bytes = unless(CallError, () => binaryFromJson(desc, text, registry));
    if (bytes instanceof Refusal) return `${bytes.kind}, though the edge wrote it`;
    same(jsonFromBinary(desc, bytes, registry), said, "there and back");
    return `${desc.name} ${Math.min(text.length, 40)}`;
  },
};

// ---- REST.

const paths = [
  "/v1/shelves/1/books/2",
  "/v1/books/x",
  "/v1/titles",
  "/v1/shelves/1/books",
  "/v1/cache",
  "/v1/shelves/a/b:lend",
  "/v1/{a=b/**}:v",
];
const queries = [
  "?",
  "&",
  "page_size=1",
  "pageSize=2",
  "author.name=x",
  "author.mentor.mentor.born=1",
  "genres=NOVEL",
  "within=1s",
  "mask=a,b",
  "%",
  "+",
  "tags=a",
  "lent=true",
  "signed=false",
  "within.seconds=5",
  "mask.paths=b",
  "signed.value=true",
  "__proto__.x=1",
  "constructor=1",
  "=",
];

/** Input: method and path with query, a line end, the body. */
export const rest: Target = {
  seeds: [
    "GET /v1/shelves/1/books/2?pages=3&author.name=x",
    'POST /v1/books\n{"name":"x"}',
    'PATCH /v1/shelves/1/x?mask=a\n{"pages":1}',
    "GET /v1/shelves/1/books?genres=NOVEL&genres=1&within=1s",
    "GET /{a=b/*}/**:verb",
  ].map(bytesOf),
  tokens: [...paths, ...queries, "GET ", "POST ", "/", ":lend", "*", "**", "{", "}", "=", "\n", "%2F", "%41"],
  generate: (random) =>
    bytesOf(
      `${one(random, ["GET", "POST", "PATCH", "PURGE"])} ${one(random, paths)}?${some(random, 4, () => one(random, queries)).join("&")}\n${one(random, ["", "{}", '{"name":1}'])}`,
    ),
  run(input) {
    const line = input.indexOf(10);
    const [method = "", path = ""] = octetsOf(line < 0 ? input : input.subarray(0, line)).split(" ");
    const template = parseTemplate(path);
    for (const { start, end } of template?.variables ?? []) {
      check(start < end && end <= template!.segments.length, "a variable without segments");
    }
    const found = libraryDescriptors.templates.find(method, path);
    if (found === undefined) return `nothing ${template === undefined}`;
    check(found.values.length === found.binding.variables.length, "a value for each variable");
    const body = line < 0 ? new Uint8Array(0) : input.subarray(line + 1);
    const message = unless(CallError, () =>
      requestMessage(found, { bytes: body, contentType: undefined }, libraryDescriptors.registry),
    );
    if (message instanceof Refusal) return `${found.binding.method.name} ${message.kind}`;
    jsonFromBinary(found.binding.method.input, message, libraryDescriptors.registry);
    return `${found.binding.method.name} ${Math.min(message.length, 9)}`;
  },
};

// ---- Descriptor sets.

const names = [
  "",
  ".",
  "library",
  "Book",
  ".library.Book",
  ".library.Author",
  "library.proto",
  "name",
  "GENRE",
  "a b",
  "__proto__",
  ".google.protobuf.Any",
  "proto2",
  "editions",
  "Library",
  "[x]",
  "é",
  "constructor",
];

/** For templates that are as deep. */
const deepPath = "/a".repeat(12_000);

export const descriptors: Target = {
  seeds: [libraryBytes],
  tokens: names,
  generate(random) {
    const set = fromBinary(FileDescriptorSetSchema, libraryBytes);
    changeMessage(FileDescriptorSetSchema, set, names, random, 6);
    // What lacks a required field cannot be written.
    const bytes = unless(Error, () => toBinary(FileDescriptorSetSchema, set));
    return bytes instanceof Refusal ? libraryBytes : bytes;
  },
  run(input) {
    // Only what the agent has read, sorted and completed gets to an edge; whoever holds its token may send other bytes.
    const found = unless(Error, () => Descriptors.read(input.slice()));
    if (found instanceof Descriptors) {
      for (const path of [...paths, deepPath]) found.templates.find("GET", path);
    }
    const set = unless(Error, () => readDescriptorSet(input.slice()));
    if (set instanceof Refusal) return set.kind;
    Descriptors.read(set.bytes);
    same(readDescriptorSet(set.bytes).hash, set.hash, "read again");
    return `${found instanceof Refusal} ${set.bytes.length >> 5}`;
  },
};
