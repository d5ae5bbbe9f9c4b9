import { fromBinary, type JsonValue, toJson } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import type { CallError } from "../../call/error.ts";
import { Code } from "../../call/status.ts";
import { libraryDescriptors } from "../library.fixture.ts";
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

test("a query has a bounded number of parameters", () => {
  expect(refusal("GET", `/v1/titles?${"genres=1&".repeat(1001)}`)).toContain("more than 1000 parameters");
});
