/**
 * The kept inputs: corpus/TARGET/NAME.txt is the input as it is, where it is text of one's own kind; NAME.b64 is its
 * base64, where it is not.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const folder = join(import.meta.dirname, "corpus");

export interface Kept {
  /** Relative to the repository. */
  readonly file: string;
  readonly input: Uint8Array;
}

export function readCorpus(target: string): Kept[] {
  const own = join(folder, target);
  if (!existsSync(own)) return [];
  return readdirSync(own)
    .toSorted()
    .map((name) => ({ file: `tests/fuzz/corpus/${target}/${name}`, input: readInput(join(own, name)) }));
}

export function readInput(file: string): Uint8Array {
  const bytes = readFileSync(file);
  return new Uint8Array(file.endsWith(".b64") ? Buffer.from(bytes.toString("latin1"), "base64") : bytes);
}

/** Returns the file, relative to the repository. */
export function keepInput(target: string, input: Uint8Array): string {
  const printable = input.every((byte) => byte === 0x0a || (byte >= 0x20 && byte < 0x7f));
  const name = `${createHash("sha256").update(input).digest("hex").slice(0, 12)}.${printable ? "txt" : "b64"}`;
  mkdirSync(join(folder, target), { recursive: true });
  const lines = Buffer.from(input)
    .toString("base64")
    .replaceAll(/.{120}/g, "$&\n");
  writeFileSync(join(folder, target, name), printable ? input : `${lines}\n`);
  return `tests/fuzz/corpus/${target}/${name}`;
}
