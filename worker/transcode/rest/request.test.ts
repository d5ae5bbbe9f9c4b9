import { fromBinary, type JsonValue, toBinary, toJson } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { expect, test } from "vitest";
import { CallError } from "../../call/error.ts";
import { Code } from "../../call/status.ts";
import { Descriptors } from "../descriptors.ts";
import { libraryBytes, libraryDescriptors } from "../library.fixture.ts";
import { requestMessage } from "./request.ts";

const { registry, templates } = libraryDescriptors;

function request(httpMethod: string, path: string, body = ""): JsonValue {
  const found = templates.find(httpMethod, path)!;
  const bytes = requestMessage(found, { bytes: new TextEncoder().encode(body), contentType: undefined }, registry);
  return toJson(found.binding.method.input, fromBinary(found.binding.method.input, bytes), { registry });
}

function refusal(httpMethod: string, path: string, body = ""): string {
  try {
    request(httpMethod, path, body);
  } catch (error) {
    expect((error as CallError).code).toBe(Code.INVALID_ARGUMENT);
    return (error as CallError).message;
  }
  throw new Error("it was not refused");
}

test("query parameters are fields of every kind, nested ones and well-known types too", () => {
  const query =
    "page_size=3&genres=NOVEL&genres=1&author.name=A+B%2B&author.mentor.born=-7&lent=true&within=3s&mask=a,b.c&signed=false";
  expect(request("GET", `/v1/shelves/1/books?${query}`)).toEqual({
    shelf: "shelves/1",
    pageSize: 3,
    genres: ["NOVEL", "NOVEL"],
    author: { name: "A B+", mentor: { born: "-7" } },
    lent: true,
    within: "3s",
    mask: "a,b.c",
    signed: false,
  });
});

test("a field may be named as in the .proto file or as in JSON", () => {
  expect(request("GET", "/v1/titles?pageSize=1")).toEqual(request("GET", "/v1/titles?page_size=1"));
});

test("the path is laid over a body that is the whole request", () => {
  const body = '{"name": "shelves/x/books/y", "bookTitle": "T", "pages": 12, "unknown": 1}';
  expect(request("POST", "/v1/shelves/a/books/b:lend", body)).toEqual({
    name: "shelves/a/books/b",
    bookTitle: "T",
    pages: 12,
  });
});

test("a body may be one field, beside path and query", () => {
  expect(request("PATCH", "/v1/shelves/a/b?mask=pages", '{"pages": 3}')).toEqual({
    book: { name: "shelves/a/b", pages: 3 },
    mask: "pages",
  });
});

test("no body is the same as an empty message", () => {
  expect(request("POST", "/v1/books")).toEqual({});
  expect(request("POST", "/v1/books", "{}")).toEqual({});
});

test("what is wrong is named", () => {
  expect(refusal("GET", "/v1/titles?nope=1")).toBe('query parameter "nope" is no field of library.ListRequest');
  expect(refusal("GET", "/v1/titles?author=x")).toBe('"author" is a message: name one of its fields');
  expect(refusal("GET", "/v1/titles?shelf=a&shelf=b")).toBe('"shelf" is given more than once');
  expect(refusal("GET", "/v1/titles?author.name.x=1")).toContain('"author.name.x" is no field');
  expect(refusal("GET", "/v1/titles?page_size=many")).toContain("library.ListRequest.page_size");
  expect(refusal("GET", "/v1/titles?lent=yes")).toContain("library.ListRequest.lent");
  expect(refusal("GET", "/v1/titles?genres=POEM")).toContain("library.EGenre");
  expect(refusal("POST", "/v1/books?pages=1", "{}")).toContain("the body holds the whole request");
  expect(refusal("POST", "/v1/books", "[1")).toContain("no JSON");
  expect(refusal("POST", "/v1/books", '{"pages": "x"}')).toContain("library.Book.pages");
});

test.each([
  ["within=1s&within.seconds=5", '"within.seconds": "within" is given as a whole, too'],
  ["mask=a&mask.paths=b", '"mask.paths": "mask" is given as a whole, too'],
  ["signed=true&signed.value=true", '"signed.value": "signed" is given as a whole, too'],
  ["within.seconds=5&within=1s", '"within" is given more than once'],
  ["mask.paths=a&mask=b", '"mask" is given more than once'],
  ["mask=a&mask=b", '"mask" is given more than once'],
  ["within.seconds=5", "google.protobuf.Duration"],
  ["genres.x=1&genres=1", '"genres.x" is no field'],
  ["author=1&author.name=x", '"author" is a message'],
  ["author.mentor=1&author.mentor.name=x", '"author.mentor" is a message'],
  ["author.name=x&author.name=y", '"author.name" is given more than once'],
  ["__proto__=1", '"__proto__" is no field'],
  ["__proto__.shelf=1", '"__proto__.shelf" is no field'],
  ["author.__proto__.name=1", '"author.__proto__.name" is no field'],
  ["constructor.name=x", '"constructor.name" is no field'],
  ["0=1&0.0=1", '"0" is no field'],
  [".=1", '"." is no field'],
])("a query that gives a field as text and as a message, or names none, is refused: %s", (query, message) => {
  expect(refusal("GET", `/v1/shelves/1/books?${query}`)).toContain(message);
});

test("names that objects have by themselves, or that look like numbers, are fields like others", () => {
  const set = fromBinary(FileDescriptorSetSchema, libraryBytes);
  const [name, born, mentor] = set.file.at(-1)!.messageType[0]!.field;
  name!.jsonName = "__proto__";
  born!.jsonName = "0";
  mentor!.jsonName = "constructor";
  const odd = Descriptors.read(toBinary(FileDescriptorSetSchema, set));
  const found = odd.templates.find("GET", "/v1/titles?author.__proto__=a&author.constructor.0=7&author.0=8")!;
  const bytes = requestMessage(found, { bytes: new Uint8Array(0), contentType: undefined }, odd.registry);
  expect(fromBinary(found.binding.method.input, bytes)).toMatchObject({
    author: { name: "a", born: 8n, mentor: { born: 7n } },
  });
});

test("fields of one JSON name, which only a broken descriptor set has, are no defect of the edge's", () => {
  const set = fromBinary(FileDescriptorSetSchema, libraryBytes);
  const list = set.file.at(-1)!.messageType.find((message) => message.name === "ListRequest")!;
  for (const field of list.field) field.jsonName = "x";
  const odd = Descriptors.read(toBinary(FileDescriptorSetSchema, set));
  for (const query of ["author.name=a&genres=1", "genres=1&author.name=a", "shelf=a&genres=1"]) {
    const found = odd.templates.find("GET", `/v1/titles?${query}`)!;
    const convert = () => requestMessage(found, { bytes: new Uint8Array(0), contentType: undefined }, odd.registry);
    expect(convert).toThrow(CallError);
  }
});

test("a query has a bounded number of parameters", () => {
  expect(refusal("GET", `/v1/titles?${"genres=1&".repeat(1001)}`)).toContain("more than 1000 parameters");
});
