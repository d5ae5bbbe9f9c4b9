import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ConditionSchema, MatchSchema } from "../../proto/gen/edgeway/v1/table_pb.js";
import { RequestPart } from "../../proto/gen/edgeway/v1/table_pb.js";
import { limits } from "../../routes/decode/list.ts";
import { checkRegex, literalPrefix, quote } from "../../routes/regex.ts";

export type MatchInit = MessageInitShape<typeof MatchSchema>;
export type ConditionInit = MessageInitShape<typeof ConditionSchema>;

/** What a path must be: that very path; a prefix of whole segments; or an RE2 expression that matches all of it. */
export interface PathTest {
  readonly kind: "exact" | "prefix" | "regex";
  readonly value: string;
}

/** What a dialect's match asks for; everything in it must hold. */
export interface Match {
  readonly paths: readonly PathTest[];
  /** Stands beside no `paths`. Empty: every service, or every method. */
  readonly grpcMethod?: { readonly service: string; readonly method: string };
  readonly methods: readonly string[];
  readonly headers: readonly { readonly name: string; readonly exact: string }[];
  readonly queryParams: readonly { readonly name: string; readonly exact: string }[];
  readonly conditions: readonly ConditionInit[];
}

export const ANY_REQUEST: Match = { paths: [], methods: [], headers: [], queryParams: [], conditions: [] };

/** A match that asks for what both ask for. */
export function both(a: Match, b: Match): Match {
  return {
    paths: [...a.paths, ...b.paths],
    methods: [...a.methods, ...b.methods],
    headers: [...a.headers, ...b.headers],
    queryParams: [...a.queryParams, ...b.queryParams],
    conditions: [...a.conditions, ...b.conditions],
  };
}

/**
 * Each of some matches with each of others, where no matches are every request. A string: they are more than a rule can
 * have, and what few lines ask for must not fill the memory.
 */
export function eachWithEach(some: readonly Match[], others: readonly Match[]): readonly Match[] | string {
  if (some.length === 0 || others.length === 0) return others.length === 0 ? some : others;
  const count = some.length * others.length;
  if (count > limits.matches) return `its matches are ${count} with those that lead to it, more than ${limits.matches}`;
  return some.flatMap((a) => others.map((b) => both(a, b)));
}

/**
 * The table's match. Of what is asked for of one thing twice, the table's own field holds the narrowest path or the
 * first value, and conditions the others.
 */
export function toMatchInit({ paths, grpcMethod, methods, headers, queryParams, conditions }: Match): MatchInit {
  const [path, others] = grpcMethod ? [{ case: "grpcMethod" as const, value: grpcMethod }, []] : narrowest(paths);
  const all = [
    ...others.map((test) => onPart(RequestPart.PATH, regexOf(test))),
    ...methods.slice(1).map((method) => onPart(RequestPart.METHOD, quote(method))),
    ...repeated(headers).map(({ name, exact }) => onHeader(name, quote(exact))),
    ...repeated(queryParams).map(({ name, exact }) => onQueryParam(name, quote(exact))),
    ...conditions,
  ];
  return {
    ...(path === undefined ? {} : { path }),
    httpMethod: methods[0] ?? "",
    headers: firstOfEachName(headers),
    queryParams: firstOfEachName(queryParams),
    conditions: all,
  };
}

/** The path to look up, and the tests that it does not stand for. */
function narrowest(paths: readonly PathTest[]): [MatchInit["path"], readonly PathTest[]] {
  const exact = paths.find(({ kind }) => kind === "exact");
  if (exact !== undefined) {
    return [
      { case: "exactPath", value: exact.value },
      paths.filter((test) => test !== exact && !holds(test, exact.value)),
    ];
  }
  let value: string | undefined;
  for (const test of paths) {
    const prefix = test.kind === "regex" ? literalPrefix(test.value) : test.value;
    if (value === undefined || prefix.length > value.length) value = prefix;
  }
  if (value === undefined) return [undefined, []];
  const others = paths.filter((test) => test.kind === "regex" || !isBelow(value, test.value));
  return [{ case: "pathPrefix", value }, others];
}

/** Whether an exact path surely passes. */
function holds({ kind, value }: PathTest, path: string): boolean {
  return kind === "exact" ? value === path : kind === "prefix" && isBelow(path, value);
}

/** Whether a path is a prefix, or goes on below it. */
export function isBelow(path: string, prefix: string): boolean {
  const segments = prefix.replace(/\/$/, "");
  return path === segments || path.startsWith(`${segments}/`);
}

/** The expression that matches the same paths. */
function regexOf({ kind, value }: PathTest): string {
  if (kind === "regex") return value;
  return kind === "exact" ? quote(value) : `${quote(value.replace(/\/$/, ""))}(?:/.*)?`;
}

/** A prefix of characters rather than segments: "/a" takes "/ab" too. */
export function startsWith(text: string): PathTest {
  return text === "/" ? { kind: "prefix", value: "/" } : { kind: "regex", value: `${quote(text)}.*` };
}

/** Without `regex`: there is such a header. */
export function onHeader(name: string, regex?: string, negate = false): ConditionInit {
  return { subject: { case: "header", value: name.toLowerCase() }, ...(regex === undefined ? {} : { regex }), negate };
}

/** Without `regex`: there is such a parameter. */
export function onQueryParam(name: string, regex?: string): ConditionInit {
  return { subject: { case: "queryParam", value: name }, ...(regex === undefined ? {} : { regex }) };
}

export function onPart(part: RequestPart, regex: string): ConditionInit {
  return { subject: { case: "part", value: part }, regex };
}

/** The value of a cookie is `value`. */
export function onCookie(name: string, value: string): ConditionInit {
  return onHeader("cookie", `(?:.*;)?\\s*${quote(name)}=${quote(value)}\\s*(?:;.*)?`);
}

/** Any of some expressions. */
export function anyOf(regexes: readonly string[]): string {
  return regexes.length === 1 ? regexes[0]! : `(?:${regexes.join(")|(?:")})`;
}

/** A pattern of clouds' load balancers: "*" stands for any characters, "?" for one. */
export function wildcards(pattern: string): string {
  return quote(pattern)
    .replaceAll(String.raw`\*`, ".*")
    .replaceAll(String.raw`\?`, ".");
}

/** What is wrong with the first expression that the edge would refuse. */
export function wrongRegex(regexes: readonly string[]): string | undefined {
  for (const regex of regexes) {
    const wrong = checkRegex(regex);
    if (wrong !== undefined) return `"${regex}" ${wrong}`;
  }
  return undefined;
}

function firstOfEachName<T extends { readonly name: string }>(items: readonly T[]): T[] {
  return items.filter(({ name }, i) => items.findIndex((other) => other.name === name) === i);
}

/** Those whose name came before with another value. */
function repeated<T extends { readonly name: string; readonly exact: string }>(items: readonly T[]): T[] {
  return items.filter(({ name, exact }) => items.find((other) => other.name === name)!.exact !== exact);
}

/** An expression that finds its match anywhere, as one that must match the whole value. */
export function searching(regex: string): string {
  const isPlain = !regex.includes("|");
  const start = isPlain && regex.startsWith("^") ? regex.slice(1) : `.*(?:${regex})`;
  return isPlain && /[^\\]\$$/.test(start) && regex.startsWith("^") ? start.slice(0, -1) : `${start}.*`;
}
