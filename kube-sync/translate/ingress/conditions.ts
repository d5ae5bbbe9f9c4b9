import { limits } from "../../../routes/decode/list.ts";
import type { Reader } from "../../objects/read.ts";
import { list } from "../../objects/read.ts";
import type { Match } from "../match.ts";
import { combined } from "../match.ts";
import type { Conditions, Reading } from "./dialect.ts";
import { annotationOf, sayOf } from "./dialect.ts";
import { readJson } from "./json.ts";

/** What one condition asks for, or why it cannot be had. */
export type ConditionPart = Partial<{ hostnames: string[]; paths: Match[]; matches: Match[] }> | string;

export const NO_VALUES = "a condition must have values";
const TOO_MANY = `its values make more than ${limits.matches} matches together`;

/**
 * The conditions of an ALB dialect: conditions.NAME, a list in JSON. Blocks must all hold, and of a block's values any;
 * hosts and paths go with those of the rule. What cannot be had is reported, and returned as a reason.
 */
export function readConditions<T>(
  reading: Reading,
  name: string,
  condition: Reader<T>,
  partOf: (condition: T) => ConditionPart,
  most = Infinity,
): Conditions | string | undefined {
  const text = annotationOf(reading, `conditions.${name}`);
  if (text === undefined) return undefined;
  const fail = (reason: string): string => {
    sayOf(reading, `conditions.${name}`, "error", `${reason}: its paths answer with an error`);
    return `conditions.${name}: ${reason}`;
  };
  const read = readJson(text, list(condition));
  if (typeof read === "string") return fail(read);
  if (read.value.length > most) return fail(`has more than ${most} conditions`);
  const hostnames: string[] = [];
  const paths: Match[] = [];
  let matches: readonly Match[] = [];
  for (const each of read.value) {
    const found = partOf(each);
    if (typeof found === "string") return fail(found);
    if (Object.values(found).every((alternatives) => alternatives.length === 0)) return fail(NO_VALUES);
    hostnames.push(...(found.hostnames ?? []));
    paths.push(...(found.paths ?? []));
    const next = combined(matches, found.matches ?? []);
    if (next === undefined) return fail(TOO_MANY);
    matches = next;
  }
  return { hostnames, paths, matches };
}
