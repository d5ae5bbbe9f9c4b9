/** Rewrites of what the origin gets: Gateway API's HTTPURLRewriteFilter, Istio's rewrite, NGINX's rewrite-target. */
import type { Filter, PathMatch, PathModifier } from "../../routes/model.ts";
import { modifyPath } from "./path.ts";

/** What a request is for, as far as it can be rewritten. The path may have a query. */
export interface Target {
  readonly authority: string;
  readonly path: string;
}

/**
 * `target` as the rewrites among `filters` leave it; where several are of one part, as the last does. `matched` is
 * what the rule asked of the path.
 * @throws CallError like {@link modifyPath}.
 */
export function rewrite(target: Target, filters: readonly Filter[], matched: PathMatch): Target {
  let { authority } = target;
  let modifier: PathModifier | undefined;
  for (const filter of filters) {
    if (filter.kind !== "urlRewrite") continue;
    authority = filter.authority ?? authority;
    modifier = filter.path ?? modifier;
  }
  return { authority, path: modifier === undefined ? target.path : modifyPath(target.path, modifier, matched) };
}
