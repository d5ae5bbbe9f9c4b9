import { create, createFileRegistry, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { FileDescriptorProto } from "@bufbuild/protobuf/wkt";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { createHash } from "node:crypto";
import { maxDescriptorSetBytes } from "../../routes/decode.ts";
import { compareText } from "../report.ts";
import { complete } from "./complete.ts";

/** The descriptors of a backend's services, as the edge takes them. */
export interface DescriptorSet {
  /** SHA-256 of the bytes, in lower-case hexadecimal. */
  readonly hash: string;
  /** A google.protobuf.FileDescriptorSet. */
  readonly bytes: Uint8Array;
}

/**
 * Makes a set of files in whatever order, each once or several times. The same files give the same set: they are
 * sorted, those that are imported before those that import them, and their comments left out.
 * @throws an Error that says why they make no set.
 */
export function makeDescriptorSet(files: Iterable<FileDescriptorProto>): DescriptorSet {
  const byName = new Map<string, FileDescriptorProto>();
  for (const file of files) if (!byName.has(file.name)) byName.set(file.name, file);
  const set = create(FileDescriptorSetSchema, { file: inImportOrder(complete([...byName.values()])) });
  if (!set.file.some(({ service }) => service.length > 0)) throw new Error("there is no service in it");
  createFileRegistry(set); // throws for what no compiler would have let pass
  const bytes = toBinary(FileDescriptorSetSchema, set);
  if (bytes.length > maxDescriptorSetBytes) {
    throw new Error(`it has ${bytes.length} bytes, more than the ${maxDescriptorSetBytes} that the edge takes`);
  }
  return { hash: createHash("sha256").update(bytes).digest("hex"), bytes };
}

/**
 * Reads a set of the form that compilers write (`buf build -o set.binpb`, `protoc --include_imports -o set.binpb`).
 * @throws an Error that says why it is none.
 */
export function readDescriptorSet(bytes: Uint8Array): DescriptorSet {
  return makeDescriptorSet(fromBinary(FileDescriptorSetSchema, bytes).file);
}

function inImportOrder(files: readonly FileDescriptorProto[]): FileDescriptorProto[] {
  const byName = new Map(files.map((file) => [file.name, file]));
  const ordered = new Set<FileDescriptorProto>();
  const entered = new Set<string>();
  const add = (name: string, importer: string): void => {
    const file = byName.get(name);
    if (file === undefined) throw new Error(`${name} is missing, which ${importer} imports`);
    if (entered.has(name)) return;
    entered.add(name);
    for (const imported of file.dependency) add(imported, name);
    ordered.add(file);
  };
  for (const name of [...byName.keys()].toSorted(compareText)) add(name, "");
  return [...ordered];
}
