/**
 * Stands for re2js in the Worker's bundle (cli/worker/bundle.ts), where isolates start all the time: RE2's engine is a
 * fourth of the code, and most tables need none.
 */
import type { RE2JS as Engine } from "re2js";
import { Re2Missing } from "../../routes/regex.ts";

let engine: typeof Engine | undefined;

/** Loads the engine. */
export async function loadRe2(): Promise<void> {
  engine = (await import("re2js")).RE2JS;
}

export const RE2JS = {
  /** @throws Re2Missing before {@link loadRe2} */
  compile(text: string): Engine {
    if (engine === undefined) throw new Re2Missing();
    return engine.compile(text);
  },
};
