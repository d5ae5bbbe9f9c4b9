/** Header lists made by chance, for one HPACK to encode and another to decode. */
import type { Random } from "./random.ts";

/** A list of which some fields come again, some only their names, and some never. */
export function randomList(random: Random): [name: string, value: string][] {
  return Array.from({ length: random.below(12) }, () => {
    const name = ["content-type", "accept", "x-a", "x-b", `x-${random.below(40)}`, "date"][random.below(6)]!;
    const length = [0, 1, 5, 30, 200, 1500][random.below(6)]!;
    const kind = random.below(3);
    const value =
      kind === 0
        ? `v${random.below(10)}`
        : Array.from({ length }, () => String.fromCharCode(33 + random.below(kind === 1 ? 94 : 30))).join("");
    return [name, value];
  });
}
