/** Redirects: Gateway API's HTTPRequestRedirectFilter. */
import type { PathMatch, Redirect } from "../../routes/model.ts";
import { hostOf } from "../../routes/request.ts";
import { Fields } from "../call/fields.ts";
import type { RequestHead, TextAnswer } from "../call/http.ts";
import { modifyPath } from "./path.ts";

/**
 * The answer that sends `head` elsewhere. `matched` is what the rule asked of its path.
 * @throws CallError like {@link modifyPath}.
 */
export function redirectTo(redirect: Redirect, head: RequestHead, matched: PathMatch): TextAnswer {
  const scheme = redirect.scheme ?? head.scheme;
  const host = redirect.hostname ?? hostOf(head.authority);
  const path = pathOf(redirect, head, matched);
  // Who names no host, as HTTP/1.0 may, knows it better.
  const location = host === "" ? path : `${scheme}://${host}${portOf(redirect, head, scheme)}${path}`;
  const fields = new Fields(["location", location, "content-type", "text/plain; charset=utf-8"]);
  return { status: redirect.status, fields, text: `redirected to ${location}` };
}

/** Gateway API: a scheme of the redirect's own brings its well-known port, and no well-known port is written. */
function portOf({ scheme: own, port: wanted }: Redirect, { authority }: RequestHead, scheme: string): string {
  const asked = own === undefined ? /:(\d+)$/.exec(authority)?.[1] : undefined;
  const port = wanted === undefined ? asked : String(wanted);
  return port === undefined || port === (scheme === "https" ? "443" : "80") ? "" : `:${port}`;
}

function pathOf({ path: modifier, query }: Redirect, { path }: RequestHead, matched: PathMatch): string {
  const modified = modifier === undefined ? path : modifyPath(path, modifier, matched);
  if (query === undefined) return modified;
  const mark = modified.indexOf("?");
  const bare = mark < 0 ? modified : modified.slice(0, mark);
  return query === "" ? bare : `${bare}?${query}`;
}
