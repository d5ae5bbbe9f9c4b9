import { RequestPart } from "../../../proto/gen/edgeway/v1/table_pb.js";
import { forms } from "../../../routes/syntax.ts";
import type { Reader } from "../../objects/read.ts";
import { list } from "../../objects/read.ts";
import type { Match } from "../match.ts";
import { ANY_REQUEST, anyOf, eachWithEach, onPart, wildcards } from "../match.ts";
import type { Conditions, HostCondition, Reading } from "./dialect.ts";
import { annotationOf, sayOf } from "./dialect.ts";
import { readJson } from "./json.ts";

/** What one condition asks for, or why it cannot be had. */
export type ConditionPart = Partial<{ hosts: HostCondition[]; paths: Match[]; matches: Match[] }> | string;

export const NO_VALUES = "a condition must have values";
/** For both ALBs' rules: hosts of conditions are more values of the rule's own. */
export const MIXED = "regexValues cannot stand beside other hosts, the rule's own included";

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
  const hosts: HostCondition[] = [];
  const paths: Match[] = [];
  let matches: readonly Match[] = [];
  for (const each of read.value) {
    const found = partOf(each);
    if (typeof found === "string") return fail(found);
    if (Object.values(found).every((alternatives) => alternatives.length === 0)) return fail(NO_VALUES);
    hosts.push(...(found.hosts ?? []));
    paths.push(...(found.paths ?? []));
    const next = eachWithEach(matches, found.matches ?? []);
    if (typeof next === "string") return fail(next);
    matches = next;
  }
  if (hosts.some((host) => host.isExpression) && !hosts.every((host) => host.isExpression)) return fail(MIXED);
  return { hosts, paths, matches };
}

/** Names are looked up; a pattern is held against the hosts of the narrowest hostname that covers what it takes. */
export function hostsOf(given: readonly string[]): HostCondition[] {
  const byHostname = Map.groupBy(
    given.map((name) => name.toLowerCase()),
    (name) => (forms.hostname.holds(name) ? name : coveringPattern(name)),
  );
  return [...byHostname].map(([hostname, names]) => ({
    hostname,
    matches: names.includes(hostname) ? [] : [onHost(anyOf(names.map(wildcards)))],
  }));
}

/** "*.example.com" for "api-*.example.com"; "" if there is none. */
function coveringPattern(pattern: string): string {
  const [, rest = ""] = /[*?][^.*?]*\.([^*?]+)$/.exec(pattern) ?? [];
  return forms.hostname.holds(`*.${rest}`) ? `*.${rest}` : "";
}

export function onHost(regex: string): Match {
  return { ...ANY_REQUEST, conditions: [onPart(RequestPart.HOST, regex)] };
}
