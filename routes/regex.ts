/**
 * Regular expressions from clusters' objects: RE2's, so that none of them, whoever wrote it, takes more than linear
 * time (github.com/google/re2/wiki/Syntax). What they mostly are, a literal with ".*" around it, takes no machine.
 */
import { RE2JS } from "re2js";

const maxLength = 1024;

/** Instructions of a compiled expression. To match takes at most this many steps for each character. */
const maxProgramSize = 1000;

/** The engine is not there yet, on a host that loads it when it is needed (worker/snapshot/re2-later.ts). */
export class Re2Missing extends Error {}

export type Substitution = readonly (string | number)[];

/** An expression, compiled. Frozen, and the same for every value: what it remembers only makes it faster. */
export class Pattern {
  /** In RE2 syntax. */
  readonly text: string;
  readonly #literal: Literal | undefined;
  readonly #machine: RE2JS | undefined;

  private constructor(text: string, literal: Literal | undefined, machine: RE2JS | undefined) {
    this.text = text;
    this.#literal = literal;
    this.#machine = machine;
    Object.freeze(this);
  }

  /** For {@link matches} alone. What is wrong with `text` if it cannot be compiled. */
  static whole(text: string): Pattern | string {
    const literal = text.length > maxLength ? undefined : literalOf(text);
    return literal === undefined ? Pattern.part(text) : new Pattern(text, literal, undefined);
  }

  /** For {@link replaceAll} too. What is wrong with `text` if it cannot be compiled. */
  static part(text: string): Pattern | string {
    if (text.length > maxLength) return `is a regular expression of more than ${maxLength} characters`;
    try {
      const machine = RE2JS.compile(text);
      if (machine.programSize() > maxProgramSize) return "is too large a regular expression";
      return new Pattern(text, undefined, machine);
    } catch (error) {
      if (error instanceof Re2Missing) throw error;
      return `is no regular expression of RE2: ${error instanceof Error ? error.message : String(error)}`;
    }
  }

  /** Whether the machine is needed, which takes memory. */
  get costly(): boolean {
    return this.#machine !== undefined;
  }

  get groups(): number {
    return this.#machine?.groupCount() ?? 0;
  }

  /** Whether the expression matches all of `value`. */
  matches(value: string): boolean {
    if (this.#literal !== undefined) return matchesLiteral(this.#literal, value);
    return this.#machine!.testExact(value);
  }

  /**
   * `value` with `substitution` in place of each match, from left to right: texts, and numbers for what the groups
   * matched, 0 for the whole match. Undefined if more than `limit` characters come of it.
   */
  replaceAll(value: string, substitution: Substitution, limit: number): string | undefined {
    let result = "";
    let end = 0;
    for (const match of this.#machine!.matchAll(value)) {
      const start = match.index!;
      result += value.slice(end, start);
      for (const part of substitution) result += typeof part === "string" ? part : (match[part] ?? "");
      if (result.length > limit) return undefined;
      end = start + match[0].length;
    }
    return result.length + value.length - end > limit ? undefined : result + value.slice(end);
  }
}

/** The expression that matches `text` and nothing else. */
export function quote(text: string): string {
  return text.replaceAll(/[\\.+*?()|[\]{}^$]/g, String.raw`\$&`);
}

/** What is wrong with an expression that whole values are held against, if anything. */
export function checkRegex(text: string): string | undefined {
  const pattern = Pattern.whole(text);
  return typeof pattern === "string" ? pattern : undefined;
}

/** A text, and whether anything but a line feed may be before and after it. */
interface Literal {
  readonly before: boolean;
  readonly text: string;
  readonly after: boolean;
}

/** Characters that stand for themselves, alone or behind a backslash. */
const plain = String.raw`[ !"#%&',\-/0-9:;<=>@A-Z_\`a-z~]`;
const escaped = String.raw`\\[!-/:-@[-\`{-~]`;
const literalForm = new RegExp(String.raw`^\^?(\.\*)?((?:${plain}|${escaped})*)(\.\*)?\$?$`);

/** The expression as a literal; undefined if it is more. */
function literalOf(text: string): Literal | undefined {
  const [, before, middle, after] = literalForm.exec(text) ?? [];
  if (middle === undefined) return undefined;
  return { before: before !== undefined, text: unescape(middle), after: after !== undefined };
}

function unescape(text: string): string {
  return text.replaceAll(/\\(.)/g, "$1");
}

function matchesLiteral({ before, text, after }: Literal, value: string): boolean {
  if (!before && !after) return value === text;
  if (value.includes("\n")) return false; // "." does not stand for it
  if (!before) return value.startsWith(text);
  return after ? value.includes(text) : value.endsWith(text);
}

const literalStart = new RegExp(`^(?:${plain}|${escaped})*`);

/**
 * The longest prefix of whole path segments that every path that `regex` matches has; "/" if there is none. An
 * expression on the path is then needed below that prefix only.
 */
export function literalPrefix(regex: string): string {
  const text = regex.startsWith("^") ? regex.slice(1) : regex;
  if (text.length > maxLength || hasAlternatives(text)) return "/";
  const [start] = literalStart.exec(text)!;
  const rest = text.slice(start.length);
  let literal = unescape(start);
  if (/^[*?+{]/.test(rest))
    literal = literal.slice(0, -1); // it belongs to the last character
  else if ((rest === "" || rest === "$") && !literal.endsWith("/")) literal += "/";
  const end = literal.lastIndexOf("/");
  return end > 0 && literal.startsWith("/") ? literal.slice(0, end) : "/";
}

/** Whether the expression as a whole is one of alternatives, or might be: a "|" in a group, a class or quoted is none. */
function hasAlternatives(text: string): boolean {
  let depth = 0;
  for (const [token] of text.matchAll(/\\Q|\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|[^]/g)) {
    if (token === "|" && depth === 0) return true;
    if (token === String.raw`\Q` || token.includes("[:")) return text.includes("|"); // not worth the effort
    if (token === "(") depth++;
    else if (token === ")") depth--;
  }
  return false;
}
