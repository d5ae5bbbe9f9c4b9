import { Scheme } from "../../../proto/gen/edgeway/v1/table_pb.js";
import { compareText } from "../../report.ts";
import type { Context, RouteInit, RuleInit, Say } from "../context.ts";
import { sayAbout } from "../context.ts";
import { getOrAdd } from "../object-index.ts";
import type { Attached, RouteObject } from "./attach.ts";
import { attach } from "./attach.ts";
import type { ServedGateway } from "./gateways.ts";

/** Adds an HTTPRoute or GRPCRoute, as far as Gateways take it. `toRules`: its rules, asked for once it is taken. */
export function translateRoute<R extends RouteObject>(
  context: Context,
  gateways: ReadonlyMap<string, ServedGateway>,
  route: R,
  toRules: (context: Context, route: R, say: Say) => RuleInit[],
): void {
  const say = sayAbout(context, route);
  const { parentRefs } = route.spec;
  if (parentRefs.length === 0) say("warning", "spec.parentRefs", "is empty: not attached to any Gateway");
  const attached = parentRefs.flatMap((parent, i) => {
    const acceptance = attach(context.objects, gateways, route, parent);
    if (acceptance.reason === "Accepted") return acceptance.attached;
    const level = acceptance.reason === "NotServed" || acceptance.reason === "NotAGateway" ? "info" : "error";
    say(level, `spec.parentRefs[${i}]`, acceptance.message);
    return [];
  });
  if (attached.length === 0) return;

  const { kind, metadata } = route;
  const { namespace, name, createdSeconds } = metadata;
  const rules = toRules(context, route, say);
  if (rules.length === 0) return;
  for (const { key, hostnames, schemes } of groupHostnames(attached)) {
    context.routes.push({
      key: `${kind}/${namespace}/${name}${key}`,
      source: { kind, namespace, name },
      createdSeconds: BigInt(createdSeconds),
      hostnames,
      schemes,
      rules,
    });
  }
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
