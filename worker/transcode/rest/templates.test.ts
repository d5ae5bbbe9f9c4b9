import { create, fromBinary, setExtension, toBinary } from "@bufbuild/protobuf";
import { WireType } from "@bufbuild/protobuf/wire";
import { FileDescriptorSetSchema, MethodOptionsSchema } from "@bufbuild/protobuf/wkt";
import { expect, test } from "vitest";
import { http_rule, HttpRuleSchema } from "../../../proto/gen/edgeway/v1/http_rule_pb.js";
import { Descriptors } from "../descriptors.ts";
import { libraryBytes, libraryDescriptors } from "../library.fixture.ts";

function find(httpMethod: string, path: string): string | undefined {
  const found = libraryDescriptors.templates.find(httpMethod, path);
  return found && [found.binding.method.name, ...found.values].join(" ");
}

test("a request is for the method whose template and HTTP method it has", () => {
  expect(find("GET", "/v1/shelves/a/books/b")).toBe("Get shelves/a/books/b");
  expect(find("GET", "/v1/shelves/a/books")).toBe("List shelves/a");
  expect(find("POST", "/v1/books")).toBe("Create");
  expect(find("GET", "/v1/books")).toBeUndefined();
  expect(find("PURGE", "/v1/cache")).toBe("Purge");
  expect(find("GET", "/v2/books")).toBeUndefined();
});

test("additional bindings count like the first", () => {
  expect(find("GET", "/v1/books/x")).toBe("Get x");
  expect(find("GET", "/v1/authors/me/book")).toBe("Get me");
});

test("a verb tells methods of one path apart, and only where a template has it", () => {
  expect(find("POST", "/v1/shelves/a/books/b:lend")).toBe("Lend shelves/a/books/b");
  expect(find("POST", "/v1/shelves/a/books/b:burn")).toBeUndefined();
  expect(find("GET", "/v1/shelves/a/books/b:c")).toBe("Get shelves/a/books/b:c");
});

test("a variable of one segment is decoded whole, one of several keeps its escaped slashes", () => {
  expect(find("GET", "/v1/books/a%2Fb%20c%3A")).toBe("Get a/b c:");
  expect(find("PATCH", "/v1/shelves/a%2fb/c%20d")).toBe("Update shelves/a%2fb/c d");
  expect(find("PATCH", "/v1/shelves")).toBe("Update shelves");
});

test("segments are not empty, and literals may be escaped", () => {
  expect(find("GET", "/v1/books/")).toBeUndefined();
  expect(find("GET", "/v1/books/x/")).toBeUndefined();
  expect(find("GET", "/%76%31/b%6Foks/x")).toBe("Get x");
});

test("the query is no part of the path", () => {
  const found = libraryDescriptors.templates.find("GET", "/v1/titles?shelf=a/b:c");
  expect(found?.binding.method.name).toBe("Titles");
  expect(found?.query).toBe("shelf=a/b:c");
});

test("an option that does not fit its method is left out", () => {
  expect(find("GET", "/v1/misfit/x")).toBeUndefined();
});

test("an option that is no message is left out, and the set is read all the same", () => {
  const set = fromBinary(FileDescriptorSetSchema, libraryBytes);
  const get = set.file.at(-1)!.service[0]!.method[0]!;
  const httpRule = 72_295_728;
  get.options = create(MethodOptionsSchema);
  get.options.$unknown = [{ no: httpRule, wireType: WireType.LengthDelimited, data: Uint8Array.of(3, 0x12, 9, 0x2f) }];
  const { templates } = Descriptors.read(toBinary(FileDescriptorSetSchema, set));
  expect(templates.find("GET", "/v1/books/x")).toBeUndefined();
  expect(templates.find("GET", "/v1/titles")).toBeDefined();
});

test("a template of too many segments is left out alone, and no path is looked for deep enough to end the stack", () => {
  const set = fromBinary(FileDescriptorSetSchema, libraryBytes);
  const deep = "/a".repeat(30_000);
  const options = create(MethodOptionsSchema);
  setExtension(options, http_rule, create(HttpRuleSchema, { pattern: { case: "get", value: deep } }));
  set.file.at(-1)!.service[0]!.method[0]!.options = options;
  const { templates } = Descriptors.read(toBinary(FileDescriptorSetSchema, set));
  expect(templates.find("GET", deep)).toBeUndefined();
  expect(templates.find("GET", "/v1/titles")).toBeDefined();
});

test("a long path is looked at in no time", () => {
  expect(find("GET", `/v1${"/shelves/a/books".repeat(2000)}`)).toBeUndefined();
});
