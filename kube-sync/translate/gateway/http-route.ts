import type { HttpRouteMatch } from "../../objects/http-route.ts";
import type { ObjectOf } from "../../objects/object.ts";
import type { Context, Say } from "../context.ts";
import type { Match } from "../match.ts";
import { onQueryParam, wrongRegex } from "../match.ts";
import type { TranslatedRule, Unsupported } from "./rules.ts";
import { toHeaders, translateRule } from "./rules.ts";

export function httpRules(context: Context, route: ObjectOf<"HTTPRoute">, say: Say): TranslatedRule[] {
  return route.spec.rules.map((rule, index) =>
    translateRule(context, route, index, { ...rule, toMatch, isPrefix, hint: {} }, say),
  );
}

function isPrefix({ path }: HttpRouteMatch): boolean {
  return path === undefined || path.type === "PathPrefix";
}

const PATH_KINDS = { Exact: "exact", PathPrefix: "prefix", RegularExpression: "regex" } as const;

/** Regular expressions are RE2's and match the whole value, as Envoy has them: Gateway API leaves that open. */
function toMatch({ path, method, headers, queryParams }: HttpRouteMatch): Match | Unsupported {
  const { type = "PathPrefix", value = "/" } = path ?? {};
  const wrongPath = type === "RegularExpression" ? wrongRegex([value]) : undefined;
  if (wrongPath !== undefined) return { field: "path.value", reason: wrongPath };
  const onHeaders = toHeaders(headers);
  if ("reason" in onHeaders) return onHeaders;
  // Of entries with one name, which is case-sensitive here, the first counts.
  const params = queryParams.filter(({ name }, i) => queryParams.findIndex((other) => other.name === name) === i);
  const expressions = params.filter((param) => param.type === "RegularExpression");
  const wrongParam = wrongRegex(expressions.map((param) => param.value));
  if (wrongParam !== undefined) return { field: "queryParams", reason: wrongParam };
  return {
    paths: [{ kind: PATH_KINDS[type], value }],
    methods: method === undefined ? [] : [method],
    headers: onHeaders.headers,
    queryParams: params.filter((param) => param.type === "Exact").map(({ name, value: exact }) => ({ name, exact })),
    conditions: [...onHeaders.conditions, ...expressions.map((param) => onQueryParam(param.name, param.value))],
  };
}
