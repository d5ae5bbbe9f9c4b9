/** Protobuf messages of any type, changed by their descriptors. */
import { type DescField, type DescMessage, type Message, ScalarType } from "@bufbuild/protobuf";
import { reflect, type ReflectList, type ReflectMessage } from "@bufbuild/protobuf/reflect";
import type { Random } from "../../http2/random.ts";
import { one } from "../target.ts";

const integers = [0, 1, 2, 3, 80, 255, 1024, 65_535, 65_536, 1_000_000, 0x7fffffff];
const deepest = 8;

/** Changes one to `most` fields of `message`, in any of the messages in it. */
export function changeMessage(
  desc: DescMessage,
  message: Message,
  texts: readonly string[],
  random: Random,
  most: number,
): void {
  for (let changes = 1 + random.below(most); changes > 0; changes--) {
    changeOne(reflect(desc, message), texts, random, 0);
  }
}

function changeOne(message: ReflectMessage, texts: readonly string[], random: Random, depth: number): void {
  if (message.fields.length === 0) return;
  const set = message.fields.filter((field) => message.isSet(field));
  const inner = set.filter((field) => field.message !== undefined && field.fieldKind !== "map");
  // Deeper mostly: there is more there to be wrong.
  if (inner.length > 0 && depth < deepest && random.below(5) > 0) {
    const child = childOf(message, one(random, inner), random);
    if (child !== undefined) return changeOne(child, texts, random, depth + 1);
  }
  const field = one(random, random.below(3) === 0 || set.length === 0 ? message.fields : set);
  if (random.below(8) === 0) message.clear(field);
  else setField(message, field, texts, random, depth);
}

function childOf(message: ReflectMessage, field: DescField, random: Random): ReflectMessage | undefined {
  if (field.fieldKind === "message") return message.get(field);
  if (field.fieldKind !== "list") return undefined;
  const list: ReflectList = message.get(field);
  return list.size === 0 ? undefined : (list.get(random.below(list.size)) as ReflectMessage);
}

function setField(
  message: ReflectMessage,
  field: DescField,
  texts: readonly string[],
  random: Random,
  depth: number,
): void {
  if (field.fieldKind === "list") {
    const list: ReflectList = message.get(field);
    for (let count = random.below(4); count >= 0; count--) {
      // A second time the same is a mistake too.
      const again = list.size > 0 && random.below(3) === 0;
      list.add(again ? list.get(random.below(list.size)) : valueOf(field, texts, random, depth));
    }
    return;
  }
  if (field.fieldKind !== "map") message.set(field, valueOf(field, texts, random, depth));
}

function valueOf(field: DescField, texts: readonly string[], random: Random, depth: number): unknown {
  if (field.message !== undefined) {
    const message = reflect(field.message);
    if (depth < deepest) for (let i = random.below(3); i >= 0; i--) changeOne(message, texts, random, depth + 1);
    return message;
  }
  if (field.enum !== undefined) {
    const numbers = field.enum.values.map(({ number }) => number);
    return one(random, field.enum.open ? [...numbers, 99] : numbers);
  }
  switch (field.scalar) {
    case ScalarType.STRING:
      return random.below(20) === 0 ? one(random, texts).repeat(random.below(400)) : one(random, texts);
    case ScalarType.BOOL:
      return random.below(2) === 0;
    case ScalarType.BYTES:
      return new Uint8Array(random.below(20));
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return one(random, [0, 0.5, -1, Number.NaN, Number.POSITIVE_INFINITY]);
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
      return one(random, [-1n, 0n, 1n, 2n ** 62n]);
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return one(random, [0n, 1n, 2n ** 63n]);
    default:
      return one(random, integers);
  }
}
