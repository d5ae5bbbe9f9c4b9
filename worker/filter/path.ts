/** What becomes of a path that a redirect or a rewrite modifies: Gateway API's HTTPPathModifier, and RE2 substitution. */
import type { PathMatch, PathModifier } from "../../routes/model.ts";
import { CallError } from "../call/error.ts";
import { Code } from "../call/status.ts";

/** Longer than the paths that servers commonly take, so that no substitution makes much of little. */
const maxLength = 16_384;

/**
 * `path`, which may have a query, modified as `modifier` says. The query stays. `matched` is what the rule asked of it.
 * @throws CallError INTERNAL if it gets too long.
 */
export function modifyPath(path: string, modifier: PathModifier, matched: PathMatch): string {
  const mark = path.indexOf("?");
  const bare = mark < 0 ? path : path.slice(0, mark);
  const query = mark < 0 ? "" : path.slice(mark + 1);
  switch (modifier.kind) {
    case "full":
      return withQuery(modifier.path, query);
    case "prefix":
      return withQuery(modifier.path + bare.slice(prefixLength(matched)) || "/", query);
    case "regex": {
      const replaced = modifier.pattern.replaceAll(bare, modifier.substitution, maxLength);
      if (replaced === undefined) {
        throw new CallError(Code.INTERNAL, `the rule makes the path longer than ${maxLength} characters`, {
          side: "edge",
        });
      }
      return withQuery(replaced.startsWith("/") ? replaced : `/${replaced}`, query);
    }
  }
}

/** How much of a path the match spells out: whole segments, without the slash behind them. */
function prefixLength(matched: PathMatch): number {
  switch (matched.kind) {
    case "exact":
      return matched.path.length;
    case "prefix":
      return matched.path === "/" ? 0 : matched.path.length;
    case "service":
      return "/".length + matched.service.length;
    case "method":
      return 0;
  }
}

/** `path` may have parameters of its own: they come first, as they would be the first of their name. */
function withQuery(path: string, query: string): string {
  if (query === "") return path;
  return `${path}${path.includes("?") ? "&" : "?"}${query}`;
}
