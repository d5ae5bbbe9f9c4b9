import type { Listener } from "../../objects/gateway.ts";
import type { ObjectOf } from "../../objects/object.ts";
import type { ParentRef } from "../../objects/route-parts.ts";
import { GATEWAY_GROUP } from "../../objects/route-parts.ts";
import type { ObjectIndex } from "../object-index.ts";
import type { ServedGateway, ServedListener } from "./gateways.ts";
import { intersectHostnames } from "./hostnames.ts";
import { selects } from "./selector.ts";

export type RouteObject = ObjectOf<"HTTPRoute"> | ObjectOf<"GRPCRoute">;

/** A listener that a route is attached to, and the hostnames they share: "" is every host. */
export interface Attached {
  readonly listener: ServedListener;
  readonly hostnames: readonly string[];
}

/** Gateway API's reasons of the route condition Accepted, and two for parents that are not Edgeway's. */
export type Acceptance =
  | { readonly reason: "Accepted"; readonly attached: readonly Attached[] }
  | {
      readonly reason:
        "NoMatchingParent" | "NotAllowedByListeners" | "NoMatchingListenerHostname" | "NotServed" | "NotAGateway";
      readonly message: string;
    };

/** Whether one of a route's parents takes it, and on which listeners. */
export function attach(
  objects: ObjectIndex,
  gateways: ReadonlyMap<string, ServedGateway>,
  route: RouteObject,
  parent: ParentRef,
): Acceptance {
  if (parent.group !== GATEWAY_GROUP || parent.kind !== "Gateway") {
    return { reason: "NotAGateway", message: `a ${parent.kind} is not served by the edge: not attached` };
  }
  const namespace = parent.namespace ?? route.metadata.namespace;
  const name = `${namespace}/${parent.name}`;
  const served = gateways.get(name);
  if (served === undefined) {
    return objects.get("Gateway", namespace, parent.name) === undefined
      ? { reason: "NoMatchingParent", message: `there is no Gateway ${name}: not attached` }
      : { reason: "NotServed", message: `Gateway ${name} is not Edgeway's: not attached` };
  }
  const named = served.listeners.filter(
    ({ spec }) =>
      (parent.sectionName === undefined || spec.name === parent.sectionName) &&
      (parent.port === undefined || spec.port === parent.port),
  );
  if (named.length === 0) {
    return {
      reason: "NoMatchingParent",
      message: `Gateway ${name} serves no listener${describe(parent)}: not attached`,
    };
  }
  const allowed = named.filter(({ spec }) => isAllowed(objects, served, spec, route));
  if (allowed.length === 0) {
    const message = `allowedRoutes of Gateway ${name} exclude ${route.kind}s of namespace ${route.metadata.namespace}: not attached`;
    return { reason: "NotAllowedByListeners", message };
  }
  const attached = allowed
    .map((listener) => ({
      listener,
      hostnames: intersectHostnames(listener.spec.hostname ?? "", route.spec.hostnames),
    }))
    .filter(({ hostnames }) => hostnames.length > 0);
  if (attached.length === 0) {
    const hosts = allowed.map(({ spec }) => spec.hostname).join(", ");
    const message = `no hostname in common with Gateway ${name} (${hosts}): not attached`;
    return { reason: "NoMatchingListenerHostname", message };
  }
  return { reason: "Accepted", attached };
}

function describe({ sectionName, port }: ParentRef): string {
  const name = sectionName === undefined ? "" : ` "${sectionName}"`;
  return port === undefined ? name : `${name} on port ${port}`;
}

function isAllowed(objects: ObjectIndex, { gateway }: ServedGateway, spec: Listener, route: RouteObject): boolean {
  const { namespaces, kinds } = spec.allowedRoutes;
  if (kinds.length > 0 && !kinds.some(({ group, kind }) => group === GATEWAY_GROUP && kind === route.kind))
    return false;
  const { namespace } = route.metadata;
  if (namespaces.from === "All") return true;
  if (namespaces.from === "Same") return namespace === gateway.metadata.namespace;
  if (namespaces.from === "None" || namespaces.selector === undefined) return false;
  const labels = objects.get("Namespace", "", namespace)?.metadata.labels ?? {};
  // The API server gives every namespace this label.
  return selects(namespaces.selector, { ...labels, "kubernetes.io/metadata.name": namespace });
}
