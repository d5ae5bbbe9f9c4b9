/** The objects that the translators' tests have, as seeds. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const folder = join(import.meta.dirname, "../../../kube-sync/translate/testdata");

/** One in `every` of the files. */
export function goldens(every: number): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(".in.yaml"))
    .filter((_, i) => i % every === 0)
    .map((name) => readFileSync(join(folder, name), "utf8"));
}
