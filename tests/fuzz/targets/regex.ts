/** Regular expressions of routes, held against callers' texts. */
import { checkRegex, literalPrefix, Pattern, quote } from "../../../routes/regex.ts";
import { bytesOf, check, kindOf, one, same, type Target, textOf } from "../target.ts";

const expressions = [
  "a",
  ".*",
  "(a|b)*",
  "[a-z]{2,5}",
  "\\d+",
  "^",
  "$",
  "(?i)",
  "\\Q.\\E",
  "\\.",
  "|",
  "x?",
  "\\pL",
  "(?:",
  ")",
  "/",
];

/** Input: an expression, a line end, a value. */
export const regex: Target = {
  seeds: [".*a.*\nbab", "^/a/b/.*$\n/a/b/c", "(a*)*b\naaaaaaaaaaaaaaaaaaaaaaaa", "(?i)K\n\u212a", "[[:alpha:]]\nü"].map(
    bytesOf,
  ),
  tokens: [...expressions, "{1000}", "{0,1000}", "\\C", "(?P<n>", "\u0000", "🏔", "\n"],
  generate: (random) =>
    bytesOf(
      `${Array.from({ length: random.below(6) }, () => one(random, expressions)).join("")}\n${"ab1/X"
        .repeat(1 + random.below(20))
        .slice(random.below(5))}`,
    ),
  run(input) {
    const [expression = "", value = ""] = textOf(input).split(/\n([^]*)/);
    literalPrefix(expression);
    const whole = Pattern.whole(expression);
    const part = Pattern.part(expression);
    check(checkRegex(expression) === (typeof whole === "string" ? whole : undefined), "two opinions");
    const quoted = Pattern.part(quote(value));
    check(typeof quoted === "string" || quoted.matches(value), "a quoted text matches itself");
    if (typeof part === "string") {
      same(whole, part, "what is wrong");
      return kindOf(part);
    }
    check(typeof whole !== "string", "wrong as a whole only");
    const matched = part.matches(value);
    check(whole.matches(value) === matched, "as a literal and by the machine");
    if (matched && !/[^!-~]/.test(value)) {
      const prefix = literalPrefix(expression);
      check(prefix === "/" || `${value}/`.startsWith(`${prefix}/`), `"${prefix}" is no prefix`);
    }
    const replaced = part.replaceAll(value, ["<", 0, ">"], 1000);
    check(replaced === undefined || replaced.length <= 1000, "longer than its limit");
    return `${matched} ${whole.costly} ${replaced === value} ${replaced === undefined}`;
  },
};
