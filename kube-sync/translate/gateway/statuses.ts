import { GATEWAY_GROUP } from "../../objects/route-parts.ts";
import type { Context } from "../context.ts";
import { GATEWAY_CONTROLLER } from "../context.ts";
import type { Condition, ListenerStatus, ObjectStatus, ParentStatus } from "../status.ts";
import { conditionsOf } from "../status.ts";
import type { Acceptance, Attached, AttachedRoute } from "./attach.ts";
import type { ListenerProblem, ReadListener, ServedGateway } from "./gateways.ts";
import type { TranslatedRule } from "./rules.ts";

export function addClassStatuses({ objects, statuses }: Context): void {
  for (const { metadata, spec } of objects.all("GatewayClass")) {
    if (spec.controllerName !== GATEWAY_CONTROLLER) continue;
    const { yes, no } = conditionsOf(metadata.generation);
    const accepted =
      spec.parametersRef === undefined
        ? yes("Accepted")
        : no("Accepted", "InvalidParameters", "spec.parametersRef: there are no parameters that Edgeway reads");
    statuses.push({ kind: "GatewayClass", namespace: "", name: metadata.name, conditions: [accepted] });
  }
}

export function addGatewayStatuses(
  context: Context,
  gateways: Iterable<ServedGateway>,
  attached: readonly Attached[],
): void {
  const routes = new Map<ReadListener, number>();
  for (const { listener } of attached) routes.set(listener, (routes.get(listener) ?? 0) + 1);
  for (const served of gateways) {
    const { gateway, listeners } = served;
    const { namespace, name, generation } = gateway.metadata;
    const counts = listeners.map((listener) => routes.get(listener) ?? 0);
    context.unit("gateway status", served, counts, ({ statuses }) => {
      statuses.push({
        kind: "Gateway",
        namespace,
        name,
        conditions: gatewayConditions(generation, listeners),
        listeners: listeners.map((listener, i) => listenerStatus(generation, listener, counts[i]!)),
      });
    });
  }
}

function gatewayConditions(generation: number, listeners: readonly ReadListener[]): Condition[] {
  const { yes, no, pending } = conditionsOf(generation);
  const wrong = listeners.filter(({ problems }) => problems.length > 0).map(({ spec }) => `"${spec.name}"`);
  const message = `not all is well with ${wrong.length === 1 ? "listener" : "listeners"} ${wrong.join(", ")}`;
  if (wrong.length === 0) return [yes("Accepted"), pending()];
  if (wrong.length < listeners.length) return [yes("Accepted", message, "ListenersNotValid"), pending()];
  return [no("Accepted", "ListenersNotValid", message), no("Programmed", "Invalid", message)];
}

function listenerStatus(generation: number, listener: ReadListener, attachedRoutes: number): ListenerStatus {
  const { spec, kinds, problems } = listener;
  const { yes, no, pending } = conditionsOf(generation);
  const find = (type: ListenerProblem["type"]) => problems.find((problem) => problem.type === type);
  const state = (type: "Accepted" | "ResolvedRefs") => {
    const problem = find(type);
    return problem === undefined ? yes(type) : no(type, problem.reason, problem.message);
  };
  const conflict = find("Conflicted");
  const [problem] = problems;
  return {
    name: spec.name,
    attachedRoutes,
    supportedKinds: kinds.map((kind) => ({ group: GATEWAY_GROUP, kind })),
    conditions: [
      conflict === undefined ? state("Accepted") : no("Accepted", conflict.reason, conflict.message),
      conflict === undefined
        ? no("Conflicted", "NoConflicts", "")
        : yes("Conflicted", conflict.message, conflict.reason),
      state("ResolvedRefs"),
      problem === undefined ? pending() : no("Programmed", "Invalid", problem.message),
    ],
  };
}

const FOREIGN: ReadonlySet<Acceptance["reason"]> = new Set(["NoGateway", "NotServed", "NotAGateway"]);

/** Of parents that are Edgeway's; it leaves others' to them. */
export function addRouteStatus(
  { statuses }: Context,
  { route, parents }: AttachedRoute,
  rules: readonly TranslatedRule[],
): void {
  const { kind, metadata, spec } = route;
  const own = parents.flatMap((acceptance, i): ParentStatus[] => {
    const ref = spec.parentRefs[i]!;
    if (FOREIGN.has(acceptance.reason)) return [];
    return [
      {
        parentRef: Object.fromEntries(
          Object.entries(ref).filter(([, value]) => value !== undefined),
        ) as ParentStatus["parentRef"],
        controllerName: GATEWAY_CONTROLLER,
        conditions: routeConditions(metadata.generation, acceptance, rules),
      },
    ];
  });
  if (own.length === 0) return;
  const status: ObjectStatus = { kind, namespace: metadata.namespace, name: metadata.name, parents: own };
  statuses.push(status);
}

function routeConditions(generation: number, acceptance: Acceptance, rules: readonly TranslatedRule[]): Condition[] {
  const { yes, no } = conditionsOf(generation);
  const [unresolved] = rules.flatMap((rule) => rule.unresolved);
  const resolved =
    unresolved === undefined ? yes("ResolvedRefs") : no("ResolvedRefs", unresolved.reason, unresolved.message);
  if (acceptance.reason !== "Accepted") return [no("Accepted", acceptance.reason, acceptance.message), resolved];
  const dropped = rules.flatMap(({ dropped: why }, i) => (why === undefined ? [] : [{ ...why, i }]));
  const [first] = dropped;
  if (first === undefined) return [yes("Accepted"), resolved];
  if (dropped.length === rules.length) return [no("Accepted", first.refused, first.message), resolved];
  const message = `Dropped Rule ${dropped.map(({ i, message: why }) => `${i}: ${why}`).join("; ")}`;
  return [yes("Accepted"), resolved, yes("PartiallyInvalid", message, first.refused)];
}
