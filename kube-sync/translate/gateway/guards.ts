import { targetsOf } from "../../objects/guards.ts";
import { GATEWAY_GROUP } from "../../objects/route-parts.ts";
import type { ObjectOf } from "../../objects/object.ts";
import type { Context, RuleInit, Say } from "../context.ts";
import { invalidTarget, sayAbout } from "../context.ts";
import { guardsOfPods, isSelected, refusedFor } from "../guards.ts";
import type { Guard, ObjectIndex } from "../object-index.ts";
import { ROOT_NAMESPACE } from "../service-host.ts";
import type { Attached, RouteObject } from "./attach.ts";

/** A route's rules, without what policies say who may call: on the route, or on a Gateway that it is attached to. */
export function guarded(
  context: Context,
  route: RouteObject,
  attached: readonly Attached[],
  rules: readonly RuleInit[],
  say: Say,
): readonly RuleInit[] {
  const guards = [
    ...guardsOfRoute(context.objects, route),
    ...attached.flatMap((each) => guardsOfListener(context.objects, each).map((guard) => ({ guard, rule: undefined }))),
  ];
  let served = rules;
  for (const { guard, rule } of guards) {
    const reason = refusedFor(context, [guard]);
    say("error", "spec.rules", `${reason}: ${rule === undefined ? "all answer" : `"${rule}" answers`} with an error`);
    const backends = [{ target: invalidTarget(reason), weight: 1 }];
    served = served.map((each) =>
      rule === undefined || each.name === rule ? { ...each, filters: [], backends } : each,
    );
  }
  return served;
}

/** Those of the whole route, and those of a rule by its name. */
function guardsOfRoute(objects: ObjectIndex, { kind, metadata }: RouteObject) {
  return objects.guardsIn(metadata.namespace).flatMap((guard) => {
    const own = targetsOf(guard.spec).filter((target) => target.kind === kind && target.name === metadata.name);
    const rules = own.map(({ sectionName }) => ({ guard, rule: sectionName }));
    return isSelected(guard.spec, kind, metadata.labels) ? [{ guard, rule: undefined }] : rules;
  });
}

const GATEWAY_NAME = `${GATEWAY_GROUP}/gateway-name`;

function guardsOfListener(objects: ObjectIndex, { gateway: { gateway }, listener }: Attached): Guard[] {
  const { namespace, name, labels } = gateway.metadata;
  const { gatewayClassName } = gateway.spec;
  const root = namespace === ROOT_NAMESPACE ? [] : objects.guardsIn(ROOT_NAMESPACE);
  const there = objects.guardsIn(namespace);
  const direct = there.filter(
    ({ spec }) =>
      isSelected(spec, "Gateway", labels) ||
      targetsOf(spec).some(
        (target) =>
          target.kind === "Gateway" &&
          target.name === name &&
          (target.sectionName ?? listener.spec.name) === listener.spec.name,
      ),
  );
  const ofClass = [...there, ...root].filter(({ spec }) =>
    targetsOf(spec).some((target) => target.kind === "GatewayClass" && target.name === gatewayClassName),
  );
  const namespaces = isIstio(objects, gatewayClassName) ? [namespace, ROOT_NAMESPACE] : [];
  return [
    ...direct,
    ...ofClass,
    ...guardsOfPods([...there, ...root], { labels: { [GATEWAY_NAME]: name }, namespaces }),
  ];
}

/** Policies for a whole namespace, or the mesh, hold for Istio's own gateways alone. */
function isIstio(objects: ObjectIndex, className: string): boolean {
  const controller = objects.get("GatewayClass", "", className)?.spec.controllerName;
  return controller === undefined ? className === "istio" : controller === "istio.io/gateway-controller";
}

/** Why the calls to a Service may not be served: Google's policies for backends, of which each has one at most. */
export function guardOfBackend(context: Context, service: ObjectOf<"Service">): string | undefined {
  for (const policy of context.objects.gcpPoliciesOf(service)) {
    const { iap, securityPolicy = "" } = policy.spec.default ?? {};
    const field = iap?.enabled === true ? "iap" : securityPolicy === "" ? undefined : "securityPolicy";
    if (field === undefined) continue;
    const reason = "is not supported: who may call cannot be told";
    sayAbout(context, policy)("error", `spec.default.${field}`, `${reason}, so what it is for gets no calls`);
    return `${field} of GCPBackendPolicy ${policy.metadata.namespace}/${policy.metadata.name} ${reason}`;
  }
  return undefined;
}
