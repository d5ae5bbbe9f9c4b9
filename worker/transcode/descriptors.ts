/** What a descriptor set tells of an origin's services: how their messages are read, and which HTTP requests they take. */
import { createFileRegistry, type DescMethod, type FileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import type { Compressions } from "../protocol/compression.ts";
import type { Conversation, PlannedCall, Refusal } from "./conversation.ts";
import { converseDescribed } from "./described.ts";
import { Templates } from "./rest/templates.ts";

export class Descriptors {
  /** Every type of the set, for those that are named in messages (google.protobuf.Any). */
  readonly registry: FileRegistry;
  readonly #methods = new Map<string, DescMethod>();
  /** The HTTP requests that the methods' google.api.http options describe. */
  readonly templates: Templates;

  private constructor(registry: FileRegistry) {
    this.registry = registry;
    for (const type of registry) {
      if (type.kind !== "service") continue;
      for (const method of type.methods) this.#methods.set(`/${type.typeName}/${method.name}`, method);
    }
    this.templates = new Templates(this.#methods.values());
  }

  /**
   * @param bytes a google.protobuf.FileDescriptorSet, each file after those it imports
   * @throws Error if they are none
   */
  static read(bytes: Uint8Array): Descriptors {
    return new Descriptors(createFileRegistry(fromBinary(FileDescriptorSetSchema, bytes)));
  }

  /** The method that calls to `path` are for: "/package.Service/Method". */
  method(path: string): DescMethod | undefined {
    return this.#methods.get(path);
  }

  /** See converse.ts. */
  converse(call: PlannedCall, orHttp: boolean, compressions: Compressions): Conversation | Refusal {
    return converseDescribed(call, this, orHttp, compressions);
  }
}
