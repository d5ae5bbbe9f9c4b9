/** The regular expressions of one table: each compiled once, however often it occurs, and not too many. */
import type { Place } from "../issues.ts";
import { Pattern } from "../regex.ts";
import { limits } from "./list.ts";

/** How an expression is used: values are held against it as a whole, or its matches are replaced. */
type Kind = "whole" | "part";

export type PatternUse = readonly [kind: Kind, text: string];

export class Patterns {
  /** Each time that one was asked for. */
  readonly uses: PatternUse[] = [];
  readonly #known = { whole: new Map<string, Pattern | string>(), part: new Map<string, Pattern | string>() };
  #costly = 0;
  #before: Patterns | undefined;

  /** @param before of the table before: what it compiled is not compiled again */
  constructor(before?: Patterns) {
    this.#before = before;
  }

  close(): void {
    this.#before = undefined;
  }

  /** An expression that values are held against as a whole; undefined if it is wrong. */
  whole(text: string, place: Place): Pattern | undefined {
    return this.#of("whole", text, place);
  }

  /** An expression whose matches are replaced; undefined if it is wrong. */
  part(text: string, place: Place): Pattern | undefined {
    return this.#of("part", text, place);
  }

  /** What was made of it. */
  get(kind: Kind, text: string): Pattern | string | undefined {
    return this.#known[kind].get(text);
  }

  /** Counts what the table before used likewise; false if it is too many. */
  useAgain(uses: readonly PatternUse[]): boolean {
    return uses.every(([kind, text]) => typeof this.#use(kind, text) !== "string");
  }

  #of(kind: Kind, text: string, place: Place): Pattern | undefined {
    const pattern = this.#use(kind, text);
    if (typeof pattern !== "string") return pattern;
    place.wrong(pattern);
    return undefined;
  }

  /** The compiled expression, or what is wrong with it. */
  #use(kind: Kind, text: string): Pattern | string {
    this.uses.push([kind, text]);
    const known = this.#known[kind];
    let pattern = known.get(text);
    if (pattern === undefined) {
      pattern =
        this.#costly < limits.patterns
          ? (this.#before?.get(kind, text) ?? Pattern[kind](text))
          : `comes after ${limits.patterns} other regular expressions, and a table may not have more`;
      if (typeof pattern === "string" || pattern.costly) this.#costly++;
      known.set(text, pattern);
    }
    return pattern;
  }
}
