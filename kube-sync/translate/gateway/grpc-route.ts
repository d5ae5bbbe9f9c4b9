import type { GrpcRouteMatch } from "../../objects/grpc-route.ts";
import type { ObjectOf } from "../../objects/object.ts";
import type { Context, Say } from "../context.ts";
import type { Match } from "../match.ts";
import { wrongRegex } from "../match.ts";
import type { TranslatedRule, Unsupported } from "./rules.ts";
import { toHeaders, translateRule } from "./rules.ts";

/** A GRPCRoute's backends speak gRPC. */
const HINT = { protocol: "grpc" } as const;

export function grpcRules(context: Context, route: ObjectOf<"GRPCRoute">, say: Say): TranslatedRule[] {
  return route.spec.rules.map((rule, index) =>
    translateRule(context, route, index, { ...rule, toMatch, isPrefix: () => false, hint: HINT }, say),
  );
}

/** Whether a rule takes calls whatever their method, where only what the caller speaks tells a call from other HTTP. */
export function takesAnyMethod({ spec }: ObjectOf<"GRPCRoute">): boolean {
  return spec.rules.some(({ matches }) => matches.length === 0 || matches.some(({ method }) => method === undefined));
}

function toMatch({ method, headers }: GrpcRouteMatch): Match | Unsupported {
  const onHeaders = toHeaders(headers);
  if ("reason" in onHeaders) return onHeaders;
  const match = { paths: [], methods: [], queryParams: [], ...onHeaders };
  if (method === undefined) return match;
  const { type, service = "", method: name = "" } = method;
  if (type === "Exact") return { ...match, grpcMethod: { service, method: name } };
  const regexes = [service, name].map((part) => part || "[^/]+");
  const wrong = wrongRegex(regexes);
  if (wrong !== undefined) return { field: "method", reason: wrong };
  return { ...match, paths: [{ kind: "regex", value: `/(?:${regexes.join(")/(?:")})` }] };
}
