import type { GrpcRouteMatch } from "../../objects/grpc-route.ts";
import type { ObjectOf } from "../../objects/object.ts";
import type { Context, RuleInit, Say } from "../context.ts";
import type { MatchInit, Unsupported } from "./rules.ts";
import { toHeaders, translateRule, unsupportedType } from "./rules.ts";

/** A GRPCRoute's backends speak gRPC. */
const HINT = { protocol: "grpc" } as const;

export function grpcRules(context: Context, route: ObjectOf<"GRPCRoute">, say: Say): RuleInit[] {
  return route.spec.rules.flatMap((rule, index) => {
    if (rule.sessionPersistence !== undefined) {
      say("warning", `spec.rules[${index}].sessionPersistence`, "is not honoured yet");
    }
    const { matches, filters, backendRefs } = rule;
    return translateRule(context, route, index, { matches, filters, backendRefs, toMatch, hint: HINT }, say) ?? [];
  });
}

function toMatch({ method, headers }: GrpcRouteMatch): MatchInit | Unsupported {
  if (method?.type === "RegularExpression") return unsupportedType("method.type", "a method");
  const headerMatches = toHeaders(headers);
  if ("reason" in headerMatches) return headerMatches;
  if (method === undefined) return { headers: headerMatches };
  const value = { service: method.service ?? "", method: method.method ?? "" };
  return { path: { case: "grpcMethod", value }, headers: headerMatches };
}
