/** The regular expressions of one table: each compiled once, however often it occurs, and not too many. */
import type { Place } from "../issues.ts";
import { Pattern } from "../regex.ts";
import { limits } from "./list.ts";

export class Patterns {
  readonly #whole = new Map<string, Pattern | string>();
  readonly #part = new Map<string, Pattern | string>();
  #costly = 0;

  /** An expression that values are held against as a whole; undefined if it is wrong. */
  whole(text: string, place: Place): Pattern | undefined {
    return this.#of(text, this.#whole, (expression) => Pattern.whole(expression), place);
  }

  /** An expression whose matches are replaced; undefined if it is wrong. */
  part(text: string, place: Place): Pattern | undefined {
    return this.#of(text, this.#part, (expression) => Pattern.part(expression), place);
  }

  #of(
    text: string,
    known: Map<string, Pattern | string>,
    compile: (text: string) => Pattern | string,
    place: Place,
  ): Pattern | undefined {
    let pattern = known.get(text);
    if (pattern === undefined) {
      pattern =
        this.#costly < limits.patterns
          ? compile(text)
          : `comes after ${limits.patterns} other regular expressions, and a table may not have more`;
      if (typeof pattern === "string" || pattern.costly) this.#costly++;
      known.set(text, pattern);
    }
    if (typeof pattern !== "string") return pattern;
    place.wrong(pattern);
    return undefined;
  }
}
