/** A library's service as a descriptor set, for the tests of this folder. */
import { create, type MessageInitShape, setExtension, toBinary } from "@bufbuild/protobuf";
import { protoCamelCase } from "@bufbuild/protobuf/reflect";
import {
  type DescriptorProtoSchema,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
  file_google_protobuf_any,
  file_google_protobuf_duration,
  file_google_protobuf_field_mask,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
  file_google_protobuf_wrappers,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  type MethodDescriptorProtoSchema,
  MethodOptionsSchema,
} from "@bufbuild/protobuf/wkt";
import { http_rule, type HttpRuleSchema } from "../../proto/gen/edgeway/v1/http_rule_pb.js";
import { Descriptors } from "./descriptors.ts";

type Rule = MessageInitShape<typeof HttpRuleSchema>;

/** `declarations` as in a .proto file: "string name = 1; repeated Book books = 2". An enum's name begins with "E". */
function message(name: string, declarations: string): MessageInitShape<typeof DescriptorProtoSchema> {
  const field = declarations.split(";").map((declaration) => {
    const [, repeated, type, fieldName, number] = /^\s*(repeated )?([\w.]+) (\w+) = (\d+)\s*$/.exec(declaration)!;
    const scalar = Type[type!.toUpperCase() as keyof typeof Type] as Type | undefined;
    return {
      name: fieldName!,
      jsonName: protoCamelCase(fieldName!),
      number: Number(number),
      label: repeated === undefined ? Label.OPTIONAL : Label.REPEATED,
      type: scalar ?? (type!.startsWith("E") ? Type.ENUM : Type.MESSAGE),
      typeName: scalar === undefined ? (type!.includes(".") ? `.${type}` : `.library.${type}`) : "",
    };
  });
  return { name, field };
}

function method(
  name: string,
  [input, output]: readonly [string, string],
  rule?: Rule,
  kind: MessageInitShape<typeof MethodDescriptorProtoSchema> = {},
): MessageInitShape<typeof MethodDescriptorProtoSchema> {
  const options = create(MethodOptionsSchema);
  if (rule !== undefined) setExtension(options, http_rule, rule as never);
  const [inputType, outputType] = [input, output].map((type) => (type.includes(".") ? `.${type}` : `.library.${type}`));
  return { name, inputType: inputType!, outputType: outputType!, options, ...kind };
}

const get = (value: string): Pick<Rule, "pattern"> => ({ pattern: { case: "get", value } });
const post = (value: string): Pick<Rule, "pattern"> => ({ pattern: { case: "post", value } });

const httpBody = create(FileDescriptorProtoSchema, {
  name: "google/api/httpbody.proto",
  package: "google.api",
  syntax: "proto3",
  messageType: [message("HttpBody", "string content_type = 1; bytes data = 2")],
});

const library = create(FileDescriptorProtoSchema, {
  name: "library.proto",
  package: "library",
  syntax: "proto3",
  dependency: ["any", "duration", "field_mask", "struct", "timestamp", "wrappers"]
    .map((name) => `google/protobuf/${name}.proto`)
    .concat(httpBody.name),
  enumType: [
    {
      name: "EGenre",
      value: [
        { name: "GENRE_UNSPECIFIED", number: 0 },
        { name: "NOVEL", number: 1 },
      ],
    },
  ],
  messageType: [
    message("Author", "string name = 1; int64 born = 2; Author mentor = 3"),
    message(
      "Book",
      `string name = 1; string book_title = 2; int32 pages = 3; EGenre genre = 4; Author author = 5; bool lent = 6;
       repeated string tags = 7; google.protobuf.Timestamp printed = 8; google.protobuf.Any extra = 9; bytes scan = 10`,
    ),
    message(
      "ListRequest",
      `string shelf = 1; int32 page_size = 2; repeated EGenre genres = 3; Author author = 4; bool lent = 5;
       google.protobuf.Duration within = 6; google.protobuf.FieldMask mask = 7; google.protobuf.BoolValue signed = 8`,
    ),
    message("ListResponse", "repeated Book books = 1; string next = 2"),
    message("UpdateRequest", "Book book = 1; google.protobuf.FieldMask mask = 2"),
    message("Scan", "string name = 1; google.api.HttpBody page = 2"),
    message("Scans", "repeated google.api.HttpBody pages = 1"),
  ],
  service: [
    {
      name: "Library",
      method: [
        method("Get", ["Book", "Book"], {
          ...get("/v1/{name=shelves/*/books/*}"),
          additionalBindings: [get("/v1/books/{name}"), { ...get("/v1/authors/{author.name}/book") }],
        }),
        method("List", ["ListRequest", "ListResponse"], get("/v1/{shelf=shelves/*}/books")),
        method("Titles", ["ListRequest", "ListResponse"], { ...get("/v1/titles"), responseBody: "books" }),
        method("Create", ["Book", "Book"], { ...post("/v1/books"), body: "*" }),
        method("Update", ["UpdateRequest", "Book"], {
          pattern: { case: "patch", value: "/v1/{book.name=shelves/**}" },
          body: "book",
        }),
        method("Lend", ["Book", "Book"], { ...post("/v1/{name=shelves/*/books/*}:lend"), body: "*" }),
        method("Purge", ["Book", "Book"], { pattern: { case: "custom", value: { kind: "PURGE", path: "/v1/cache" } } }),
        method("Watch", ["ListRequest", "Book"], get("/v1/watch"), { serverStreaming: true }),
        method("Upload", ["Book", "Book"], { ...post("/v1/upload"), body: "*" }, { clientStreaming: true }),
        method("Misfit", ["Book", "Book"], get("/v1/misfit/{no_such_field}")),
        method("Attach", ["Scan", "Scan"], { ...post("/v1/{name=scans/*}"), body: "page", responseBody: "page" }),
        method("Convert", ["google.api.HttpBody", "google.api.HttpBody"], { ...post("/v1/scans:convert"), body: "*" }),
        method("AttachAll", ["Scans", "Scans"], { ...post("/v1/scans"), body: "pages", responseBody: "pages" }),
        method("Note", ["Author", "google.protobuf.Value"], { ...get("/v1/note"), responseBody: "string_value" }),
        method("Chat", ["Book", "Book"], undefined, { clientStreaming: true, serverStreaming: true }),
      ],
    },
  ],
});

export const libraryBytes: Uint8Array = toBinary(
  FileDescriptorSetSchema,
  create(FileDescriptorSetSchema, {
    file: [
      ...[
        file_google_protobuf_any,
        file_google_protobuf_duration,
        file_google_protobuf_field_mask,
        file_google_protobuf_struct,
        file_google_protobuf_timestamp,
        file_google_protobuf_wrappers,
      ].map(({ proto }) => proto),
      httpBody,
      library,
    ],
  }),
);

export const libraryDescriptors: Descriptors = Descriptors.read(libraryBytes);
