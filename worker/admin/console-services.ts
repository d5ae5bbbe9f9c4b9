/** The services that descriptor sets describe, as the explorer needs them: methods, and the fields of messages. */
import { type DescEnum, type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import type { Descriptors } from "../transcode/index.ts";

export interface ServicesView {
  readonly services: readonly ServiceView[];
  /** By full name. */
  readonly messages: Readonly<Record<string, readonly FieldView[]>>;
  /** Names of values, by full name. */
  readonly enums: Readonly<Record<string, readonly string[]>>;
}

export interface ServiceView {
  /** "package.Service". */
  readonly name: string;
  readonly methods: readonly MethodView[];
}

export interface MethodView {
  readonly name: string;
  readonly kind: "unary" | "server_streaming" | "client_streaming" | "bidi_streaming";
  /** Full names of messages. */
  readonly input: string;
  readonly output: string;
}

export interface FieldView {
  /** As JSON has it. */
  readonly name: string;
  readonly shape: "one" | "list" | "map";
  /** A scalar's name, or the full name of a message or an enum. Of a map: its values'. */
  readonly type: string;
  readonly kind: "scalar" | "message" | "enum";
  /** The name of the oneof that it belongs to. */
  readonly oneof?: string;
}

/** Messages that are described: what a page can be asked to hold. */
const mostMessages = 2_000;

/** Services of one name are the same wherever they are described. */
export function servicesOf(sets: Iterable<Descriptors>): ServicesView {
  const services = new Map<string, ServiceView>();
  const types = new Types();
  for (const { registry } of sets) {
    for (const type of registry) {
      if (type.kind !== "service" || services.has(type.typeName)) continue;
      const methods = type.methods.map(({ name, methodKind, input, output }) => {
        types.add(input);
        return { name, kind: methodKind, input: input.typeName, output: output.typeName };
      });
      services.set(type.typeName, { name: type.typeName, methods });
    }
  }
  const sorted = [...services.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
  return { services: sorted, messages: types.messages, enums: types.enums };
}

class Types {
  readonly messages: Record<string, readonly FieldView[]> = {};
  readonly enums: Record<string, readonly string[]> = {};
  #count = 0;

  /** With all that it holds. Well-known types have JSON of their own, and are written as that. */
  add(message: DescMessage): void {
    const waiting = [message];
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const { typeName } = next;
      if (Object.hasOwn(this.messages, typeName) || isWellKnown(typeName) || this.#count >= mostMessages) continue;
      this.#count++;
      this.messages[typeName] = next.fields.map(fieldView);
      for (const field of next.fields) {
        if (field.message !== undefined) waiting.push(field.message);
        if (field.enum !== undefined) this.#addEnum(field.enum);
      }
    }
  }

  #addEnum({ typeName, values }: DescEnum): void {
    this.enums[typeName] = values.map(({ name }) => name);
  }
}

function isWellKnown(typeName: string): boolean {
  return typeName.startsWith("google.protobuf.");
}

function fieldView(field: DescField): FieldView {
  const { jsonName: name, oneof } = field;
  const shape = field.fieldKind === "list" || field.fieldKind === "map" ? field.fieldKind : "one";
  return { name, shape, ...typeOf(field), ...(oneof !== undefined && { oneof: oneof.name }) };
}

function typeOf(field: DescField): Pick<FieldView, "type" | "kind"> {
  if (field.message !== undefined) return { type: field.message.typeName, kind: "message" };
  if (field.enum !== undefined) return { type: field.enum.typeName, kind: "enum" };
  return { type: ScalarType[field.scalar].toLowerCase(), kind: "scalar" };
}
