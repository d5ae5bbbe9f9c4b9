import { clone } from "@bufbuild/protobuf";
import { protoCamelCase } from "@bufbuild/protobuf/reflect";
import type {
  DescriptorProto,
  EnumDescriptorProto,
  FieldDescriptorProto,
  FileDescriptorProto,
} from "@bufbuild/protobuf/wkt";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";

/** How deep messages may be declared one in another. */
const MAX_NESTING = 64;

/**
 * The files without their comments, and with what compilers write and some servers leave out (those built on
 * protobuf.js do): JSON names, full names of types, and imports.
 * @throws an Error for a type that no file declares.
 */
export function complete(files: readonly FileDescriptorProto[]): FileDescriptorProto[] {
  const fileOf = new Map<string, string>();
  for (const file of files) {
    for (const name of declaredIn(file.package, file.messageType, file.enumType, 0)) fileOf.set(name, file.name);
  }
  return files.map((file) => new Completion(file, fileOf).file);
}

/** Full names of types, such as ".package.Message". */
function* declaredIn(
  scope: string,
  messages: readonly DescriptorProto[],
  enums: readonly EnumDescriptorProto[],
  depth: number,
): Iterable<string> {
  if (depth > MAX_NESTING) throw new Error(`more than ${MAX_NESTING} messages are declared one in another`);
  const prefix = scope === "" ? "" : `.${scope}`;
  for (const { name } of enums) yield `${prefix}.${name}`;
  for (const { name, nestedType, enumType } of messages) {
    yield `${prefix}.${name}`;
    yield* declaredIn(`${prefix}.${name}`.slice(1), nestedType, enumType, depth + 1);
  }
}

class Completion {
  readonly file: FileDescriptorProto;
  readonly #fileOf: ReadonlyMap<string, string>;

  constructor(original: FileDescriptorProto, fileOf: ReadonlyMap<string, string>) {
    const file = clone(FileDescriptorProtoSchema, original);
    delete file.sourceCodeInfo;
    this.file = file;
    this.#fileOf = fileOf;
    for (const message of file.messageType) this.#message(message, file.package);
    for (const extension of file.extension) this.#field(extension, file.package);
    for (const method of file.service.flatMap((service) => service.method)) {
      method.inputType = this.#resolve(method.inputType, file.package);
      method.outputType = this.#resolve(method.outputType, file.package);
    }
  }

  #message(message: DescriptorProto, outer: string): void {
    const scope = outer === "" ? message.name : `${outer}.${message.name}`;
    for (const field of [...message.field, ...message.extension]) this.#field(field, scope);
    for (const nested of message.nestedType) this.#message(nested, scope);
  }

  #field(field: FieldDescriptorProto, scope: string): void {
    if (field.jsonName === "") field.jsonName = protoCamelCase(field.name);
    if (field.typeName !== "") field.typeName = this.#resolve(field.typeName, scope);
    if (field.extendee !== "") field.extendee = this.#resolve(field.extendee, scope);
  }

  /** A name is looked for in its scope, then in those around it (protobuf.dev, Packages and Name Resolution). */
  #resolve(name: string, scope: string): string {
    if (name.startsWith(".")) return this.#found(name);
    for (let outer = scope; outer !== ""; outer = outer.slice(0, Math.max(0, outer.lastIndexOf(".")))) {
      const full = `.${outer}.${name}`;
      if (this.#fileOf.has(full)) return this.#found(full);
    }
    return this.#found(`.${name}`);
  }

  #found(full: string): string {
    const declaring = this.#fileOf.get(full);
    if (declaring === undefined) throw new Error(`${full.slice(1)} is missing, which ${this.file.name} uses`);
    const { dependency, name } = this.file;
    // What is imported in turn by an import (import public) comes before it already.
    if (declaring !== name && !dependency.includes(declaring)) dependency.push(declaring);
    return full;
  }
}
