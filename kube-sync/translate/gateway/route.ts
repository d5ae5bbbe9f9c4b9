import { Scheme } from "../../../proto/gen/edgeway/v1/table_pb.js";
import { compareText } from "../../report.ts";
import type { Context, RouteInit, RuleInit, Say } from "../context.ts";
import { sayAbout } from "../context.ts";
import { getOrAdd } from "../object-index.ts";
import type { Ordered } from "../ordered.ts";
import type { Attached, AttachedRoute, RouteObject } from "./attach.ts";
import { attachRoutes } from "./attach.ts";
import { addPolicyStatuses } from "./backend-tls.ts";
import { servedGateways } from "./gateways.ts";
import { guarded } from "./guards.ts";
import { grpcRules, takesAnyMethod } from "./grpc-route.ts";
import { httpRules } from "./http-route.ts";
import { fencesOf, isolatedHostnames } from "./isolation.ts";
import type { TranslatedRule } from "./rules.ts";
import { addClassStatuses, addGatewayStatuses, addRouteStatus } from "./statuses.ts";

/** All HTTPRoutes and GRPCRoutes, as far as Gateways take them, and the statuses of all of Gateway API's kinds. */
export function translateGateways(context: Context, order: Ordered<RouteObject>): RouteInit[] {
  const gateways = context.unit("gateways", "", [], servedGateways);
  const routes = attachRoutes(context, gateways, order);
  const translated = routes.map((one) =>
    context.unit("route", one.route, one.parents, (own) => translateRoute(own, one)),
  );
  const attached = translated.flatMap((each) => each.attached);
  context.unit("classes", "", [], addClassStatuses);
  addPolicyStatuses(context, routes);
  addGatewayStatuses(context, gateways.values(), attached);
  return [...translated.flatMap((each) => each.routes), ...fencesOf(context, attached)];
}

interface TranslatedRoute {
  /** Where the route is attached, each listener once. */
  readonly attached: readonly Attached[];
  readonly routes: readonly RouteInit[];
}

function translateRoute(context: Context, one: AttachedRoute): TranslatedRoute {
  const { route, parents } = one;
  const say = sayAbout(context, route);
  if (parents.length === 0) say("warning", "spec.parentRefs", "is empty: not attached to any Gateway");
  const byListener = new Map<unknown, Attached>();
  parents.forEach((acceptance, i) => {
    if (acceptance.reason === "Accepted") {
      for (const each of acceptance.attached) byListener.set(each.listener, each);
      return;
    }
    const level = acceptance.reason === "NotServed" || acceptance.reason === "NotAGateway" ? "info" : "error";
    say(level, `spec.parentRefs[${i}]`, acceptance.message);
  });
  const attached = [...byListener.values()];
  const rules = attached.length === 0 ? [] : toRules(context, route, say);
  addRouteStatus(context, one, rules);
  const taken = rules.flatMap(({ rule }) => rule ?? []);
  const served = guarded(context, route, attached, taken, say);
  return { attached, routes: served.length === 0 ? [] : routesOf(route, attached, served) };
}

function toRules(context: Context, route: RouteObject, say: Say): TranslatedRule[] {
  reportNames(route, say);
  return route.kind === "HTTPRoute" ? httpRules(context, route, say) : grpcRules(context, route, say);
}

/** The API server sees to it that names of rules are unique within a route. */
function reportNames({ spec }: RouteObject, say: Say): void {
  const names = spec.rules.map(({ name }) => name);
  names.forEach((name, i) => {
    if (name !== undefined && names.indexOf(name) < i)
      say("error", `spec.rules[${i}].name`, `"${name}" is the name of another rule`);
  });
}

function routesOf(route: RouteObject, attached: readonly Attached[], rules: readonly RuleInit[]): RouteInit[] {
  const { kind, metadata } = route;
  const { namespace, name, createdSeconds } = metadata;
  const isolated = attached.map((each) => ({ ...each, hostnames: isolatedHostnames(each) }));
  return groupHostnames(isolated).map(({ key, hostnames, schemes }) => ({
    key: `${kind}/${namespace}/${name}${key}`,
    source: { kind, namespace, name },
    createdSeconds: BigInt(createdSeconds),
    hostnames,
    schemes,
    rules: [...rules],
    grpcOnly: route.kind === "GRPCRoute" && takesAnyMethod(route),
  }));
}

type Group = Required<Pick<RouteInit, "hostnames" | "schemes">> & { key: string };

/**
 * A table route has the same schemes for all its hostnames, and no hostname at all stands for every host. So hostnames
 * are grouped by the schemes of their listeners, with "every host" apart. Mostly there is one group; only others than
 * the plain one have a suffix to their key.
 */
function groupHostnames(attached: readonly Attached[]): Group[] {
  const schemesOf = new Map<string, Set<Scheme>>();
  for (const { listener, hostnames } of attached) {
    for (const hostname of hostnames) getOrAdd(schemesOf, hostname, () => new Set<Scheme>()).add(listener.scheme);
  }
  const groups = new Map<string, Group & { hostnames: string[] }>();
  for (const [hostname, schemes] of [...schemesOf].toSorted(([a], [b]) => compareText(a, b))) {
    const only = schemes.size === 2 ? [] : [...schemes];
    const key = `${hostname === "" ? "/*" : ""}${only.map((scheme) => SUFFIXES[scheme]).join("")}`;
    const group = getOrAdd(groups, key, () => ({ key, hostnames: [], schemes: only }));
    if (hostname !== "") group.hostnames.push(hostname);
  }
  return [...groups.values()];
}

const SUFFIXES: Readonly<Record<Scheme, string>> = {
  [Scheme.UNSPECIFIED]: "",
  [Scheme.HTTP]: "/http",
  [Scheme.HTTPS]: "/https",
};
