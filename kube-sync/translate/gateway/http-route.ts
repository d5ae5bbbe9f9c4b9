import type { HttpRouteMatch, HttpRouteRule } from "../../objects/http-route.ts";
import type { ObjectOf } from "../../objects/object.ts";
import type { Context, RuleInit, Say } from "../context.ts";
import type { MatchInit, Unsupported } from "./rules.ts";
import { toHeaders, translateRule, unsupportedType } from "./rules.ts";

/** Fields that only tune how calls are made: a rule is served without them. */
const TUNING = ["timeouts", "retry", "sessionPersistence"] as const;

export function httpRules(context: Context, route: ObjectOf<"HTTPRoute">, say: Say): RuleInit[] {
  return route.spec.rules.flatMap((rule, index) => {
    reportTuning(rule, index, say);
    const { matches, filters, backendRefs } = rule;
    return translateRule(context, route, index, { matches, filters, backendRefs, toMatch, hint: {} }, say) ?? [];
  });
}

function reportTuning(rule: HttpRouteRule, index: number, say: Say): void {
  for (const name of TUNING) {
    if (rule[name] !== undefined) say("warning", `spec.rules[${index}].${name}`, "is not honoured yet");
  }
}

function toMatch({ path, method, headers, queryParams }: HttpRouteMatch): MatchInit | Unsupported {
  if (path?.type === "RegularExpression") return unsupportedType("path.type", "a path");
  const headerMatches = toHeaders(headers);
  if ("reason" in headerMatches) return headerMatches;
  const i = queryParams.findIndex(({ type }) => type !== "Exact");
  if (i >= 0) return unsupportedType(`queryParams[${i}].type`, "a query parameter");
  const { type = "PathPrefix", value = "/" } = path ?? {};
  // Of entries with one name, which is case-sensitive here, the first counts.
  const params = new Map(queryParams.toReversed().map((param) => [param.name, param.value]));
  return {
    path: { case: type === "Exact" ? "exactPath" : "pathPrefix", value },
    httpMethod: method ?? "",
    headers: headerMatches,
    queryParams: [...params].toReversed().map(([name, exact]) => ({ name, exact })),
  };
}
