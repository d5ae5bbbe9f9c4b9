import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { quote } from "../../routes/regex.ts";

/** docs/dialects.md says what becomes of annotations and fields: each must be in the input of a golden. */

const TESTDATA = join(import.meta.dirname, "testdata");
const INPUTS = readdirSync(TESTDATA)
  .filter((file) => file.endsWith(".in.yaml"))
  .map((file) => readFileSync(join(TESTDATA, file), "utf8"))
  .join("\n");
const DOC = readFileSync(join(import.meta.dirname, "../../docs/dialects.md"), "utf8");

/** The names in the first cells of a section's tables, with the section's prefix. */
function namesIn(section: string): string[] {
  const [, prefix = ""] = /^Prefix: `([^`]+)`/m.exec(section) ?? [];
  const cells = [...section.matchAll(/^\| ([^|]*) \|/gm)].map(([, cell = ""]) => cell);
  return cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => prefix + name));
}

const sections = DOC.split(/^## /m).slice(1);

test.each(sections.map((section) => [section.split("\n", 1)[0]!, section]))(
  "%s: all that is told has a golden",
  (_, section) => {
    const names = namesIn(section);
    expect(names.length).toBeGreaterThan(5);
    // A field, an annotation, or a type of filter.
    const isThere = (name: string) => new RegExp(`(^|[ "{])${quote(name)}("?:|\\b)`, "m").test(INPUTS);
    expect(names.filter((name) => !isThere(name))).toEqual([]);
  },
);
