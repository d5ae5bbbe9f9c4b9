import { create, createFileRegistry, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
} from "@bufbuild/protobuf/wkt";
import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { makeDescriptorSet, readDescriptorSet } from "./set.ts";

type FileInit = MessageInitShape<typeof FileDescriptorProtoSchema>;

const file = (init: FileInit) => create(FileDescriptorProtoSchema, { syntax: "proto3", ...init });
const text = { type: Type.STRING, label: Label.OPTIONAL } as const;

const types = file({
  name: "b/types.proto",
  package: "b",
  messageType: [{ name: "Thing", field: [{ ...text, name: "full_name", number: 1, jsonName: "fullName" }] }],
  sourceCodeInfo: { location: [{ path: [4, 0], leadingComments: "A thing." }] },
});
const service = file({
  name: "a/service.proto",
  package: "a",
  dependency: ["b/types.proto"],
  service: [{ name: "Things", method: [{ name: "Get", inputType: ".b.Thing", outputType: ".b.Thing" }] }],
});

function filesOf(bytes: Uint8Array) {
  return fromBinary(FileDescriptorSetSchema, bytes).file;
}

test("files come after those they import, whatever the order, and without comments", () => {
  const set = makeDescriptorSet([service, types, types]);
  expect(filesOf(set.bytes).map(({ name }) => name)).toEqual(["b/types.proto", "a/service.proto"]);
  expect(filesOf(set.bytes)[0]!.sourceCodeInfo).toBeUndefined();
  expect(types.sourceCodeInfo).toBeDefined();
  expect(set.hash).toBe(createHash("sha256").update(set.bytes).digest("hex"));
  expect(makeDescriptorSet([types, service])).toEqual(set);
});

test("a compiler's file and the same one read again give one set", () => {
  const compiled = toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: [types, service] }));
  const set = readDescriptorSet(compiled);
  expect(set).toEqual(makeDescriptorSet([types, service]));
  expect(readDescriptorSet(set.bytes)).toEqual(set);
});

test("what servers leave out is put in: JSON names, full names of types, and imports", () => {
  const bare = [
    file({
      name: "z.proto",
      package: "x.y",
      messageType: [
        {
          name: "Outer",
          nestedType: [{ name: "Inner" }],
          field: [
            { name: "an_inner", number: 1, type: Type.MESSAGE, label: Label.OPTIONAL, typeName: "Inner" },
            { name: "a_kind", number: 2, type: Type.ENUM, label: Label.OPTIONAL, typeName: "kinds.Kind" },
          ],
        },
      ],
    }),
    file({ name: "zz.proto", package: "x.kinds", enumType: [{ name: "Kind", value: [{ name: "NONE", number: 0 }] }] }),
    file({
      name: "s.proto",
      package: "x.y",
      service: [{ name: "S", method: [{ name: "M", inputType: "Outer", outputType: "y.Outer.Inner" }] }],
    }),
  ];
  const { bytes } = makeDescriptorSet(bare);
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, bytes));
  const outer = registry.getMessage("x.y.Outer")!;
  expect(
    outer.fields.map(({ jsonName, message, enum: kind }) => [jsonName, message?.typeName ?? kind?.typeName]),
  ).toEqual([
    ["anInner", "x.y.Outer.Inner"],
    ["aKind", "x.kinds.Kind"],
  ]);
  expect(registry.getService("x.y.S")!.methods[0]!.output.typeName).toBe("x.y.Outer.Inner");
});

test("what makes no set is said", () => {
  expect(() => makeDescriptorSet([service])).toThrow("b.Thing is missing, which a/service.proto uses");
  expect(() => makeDescriptorSet([file({ ...service, service: [] })])).toThrow(
    "b/types.proto is missing, which a/service.proto imports",
  );
  expect(() => makeDescriptorSet([types])).toThrow("no service");
  expect(() => readDescriptorSet(Uint8Array.of(0xff))).toThrow();
  const fields = Array.from({ length: 70_000 }, (_, i) => ({ ...text, name: `a_field_of_a_name_${i}`, number: i + 1 }));
  const large = file({ name: "l.proto", messageType: [{ name: "L", field: fields }] });
  expect(() => makeDescriptorSet([service, types, large])).toThrow("more than the 1900000 that the edge takes");
});
