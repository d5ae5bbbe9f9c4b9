/** Answers that a rule gives itself: fixed responses, and redirects. */
import type { DirectResponse, Filter, PathMatch } from "../../routes/model.ts";
import { Fields } from "../call/fields.ts";
import type { RequestHead, TextAnswer } from "../call/http.ts";
import { redirectTo } from "./redirect.ts";

/**
 * The answer of the first of `filters` that gives one. `matched` is what the rule asked of the request's path.
 * @throws CallError if a redirect's path gets too long.
 */
export function answerOf(filters: readonly Filter[], head: RequestHead, matched: PathMatch): TextAnswer | undefined {
  for (const filter of filters) {
    if (filter.kind === "redirect") return redirectTo(filter, head, matched);
    if (filter.kind === "directResponse") return fixed(filter);
  }
  return undefined;
}

function fixed({ status, contentType, body }: DirectResponse): TextAnswer {
  return { status, fields: body === "" ? Fields.empty : new Fields(["content-type", contentType]), text: body };
}
