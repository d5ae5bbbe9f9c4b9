import type { Listener } from "../../objects/gateway.ts";
import type { ObjectOf } from "../../objects/object.ts";
import type { ParentRef } from "../../objects/route-parts.ts";
import { GATEWAY_GROUP } from "../../objects/route-parts.ts";
import type { Context } from "../context.ts";
import type { ObjectIndex } from "../object-index.ts";
import { getOrAdd } from "../object-index.ts";
import { Ordered } from "../ordered.ts";
import type { ReadListener, ServedGateway } from "./gateways.ts";
import { isServed } from "./gateways.ts";
import { coveringHostnames, covers, intersectHostnames } from "../hostnames.ts";
import { selects } from "./selector.ts";

export type RouteObject = ObjectOf<"HTTPRoute"> | ObjectOf<"GRPCRoute">;

/** A listener that a route is attached to, and the hostnames they share: "" is every host. */
export interface Attached {
  readonly gateway: ServedGateway;
  readonly listener: ReadListener;
  readonly hostnames: readonly string[];
}

/**
 * Gateway API's reasons of the route condition Accepted; "HostnameConflict", for which it has none; and three for parents
 * that are not Edgeway's.
 */
export type Acceptance =
  | { readonly reason: "Accepted"; readonly attached: readonly Attached[] }
  | {
      readonly reason:
        | "NoMatchingParent"
        | "NotAllowedByListeners"
        | "NoMatchingListenerHostname"
        | "HostnameConflict"
        | "NoGateway"
        | "NotServed"
        | "NotAGateway";
      readonly message: string;
    };

/** A route and what each of its parents says, in the order of its parentRefs. */
export interface AttachedRoute {
  readonly route: RouteObject;
  readonly parents: readonly Acceptance[];
}

/**
 * Attaches all routes. Gateway API never merges HTTPRoutes and GRPCRoutes: of two whose hostnames intersect on one
 * listener only the older is accepted, or of one age the first by namespace and name.
 */
export function attachRoutes(
  context: Context,
  gateways: ReadonlyMap<string, ServedGateway>,
  order: Ordered<RouteObject>,
): AttachedRoute[] {
  const { objects } = context;
  const routes: RouteObject[] = [...objects.all("HTTPRoute"), ...objects.all("GRPCRoute")];
  const claims = new Map<ReadListener, Claims>();
  return order.of(routes).map((route) => {
    const accepted = context.unit("attach", route, [gateways], (own) =>
      route.spec.parentRefs.map((parent) => attach(own.objects, gateways, route, parent)),
    );
    const parents = accepted.map((acceptance) =>
      acceptance.reason === "Accepted" ? withoutConflicts(acceptance, route, claims) : acceptance,
    );
    return { route, parents };
  });
}

/** Which route of each kind came first for a hostname of a listener. */
type Claims = Readonly<Record<RouteObject["kind"], Map<string, RouteObject>>>;

/** From the oldest to the youngest. */
export function routesByAge(): Ordered<RouteObject> {
  return new Ordered(ageOf);
}

function ageOf({ kind, metadata }: RouteObject): string {
  const { createdSeconds, namespace, name } = metadata;
  return `${`${createdSeconds}`.padStart(16, "0")} ${namespace}/${name}/${kind}`;
}

function withoutConflicts(
  acceptance: Extract<Acceptance, { reason: "Accepted" }>,
  route: RouteObject,
  claims: Map<ReadListener, Claims>,
): Acceptance {
  let conflict: Conflict | undefined;
  const kept = acceptance.attached.filter(({ listener, hostnames }) => {
    const own = getOrAdd(claims, listener, () => ({ HTTPRoute: new Map(), GRPCRoute: new Map() }));
    const others = own[route.kind === "HTTPRoute" ? "GRPCRoute" : "HTTPRoute"];
    const [found] = hostnames.flatMap((hostname) => conflictOf(hostname, others) ?? []);
    conflict ??= found;
    if (found !== undefined) return false;
    for (const hostname of hostnames) getOrAdd(own[route.kind], hostname, () => route);
    return true;
  });
  if (conflict === undefined) return acceptance;
  if (kept.length > 0) return { reason: "Accepted", attached: kept };
  const { kind, metadata } = conflict.route;
  const hosts = conflict.hostname === "" ? "every host" : conflict.hostname;
  const message = `${kind} ${metadata.namespace}/${metadata.name} came first and has ${hosts} of the listener: not attached`;
  return { reason: "HostnameConflict", message };
}

interface Conflict {
  readonly hostname: string;
  readonly route: RouteObject;
}

/** The first claim to a hostname that intersects with this one. */
function conflictOf(hostname: string, claims: ReadonlyMap<string, RouteObject>): Conflict | undefined {
  if (claims.size === 0) return undefined;
  for (const wider of coveringHostnames(hostname)) {
    const route = claims.get(wider);
    if (route !== undefined) return { hostname: wider, route };
  }
  if (hostname !== "" && !hostname.startsWith("*.")) return undefined;
  for (const [narrower, route] of claims) if (covers(hostname, narrower)) return { hostname: narrower, route };
  return undefined;
}

/** Whether one of a route's parents takes it, and on which listeners. */
function attach(
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
  const gateway = gateways.get(name);
  if (gateway === undefined) {
    return objects.get("Gateway", namespace, parent.name) === undefined
      ? { reason: "NoGateway", message: `there is no Gateway ${name}: not attached` }
      : { reason: "NotServed", message: `Gateway ${name} is not Edgeway's: not attached` };
  }
  const named = gateway.listeners.filter(
    (listener) =>
      isServed(listener) &&
      (parent.sectionName === undefined || listener.spec.name === parent.sectionName) &&
      (parent.port === undefined || listener.spec.port === parent.port),
  );
  if (named.length === 0) {
    return {
      reason: "NoMatchingParent",
      message: `Gateway ${name} serves no listener${describe(parent)}: not attached`,
    };
  }
  const allowed = named.filter((listener) => isAllowed(objects, gateway, listener, route));
  if (allowed.length === 0) {
    const message = `allowedRoutes of Gateway ${name} exclude ${route.kind}s of namespace ${route.metadata.namespace}: not attached`;
    return { reason: "NotAllowedByListeners", message };
  }
  const attached = allowed
    .map((listener) => ({
      gateway,
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

function isAllowed(
  objects: ObjectIndex,
  { gateway }: ServedGateway,
  { spec, kinds }: { readonly spec: Listener; readonly kinds: readonly string[] },
  route: RouteObject,
): boolean {
  if (!kinds.includes(route.kind)) return false;
  const { namespaces } = spec.allowedRoutes;
  const { namespace } = route.metadata;
  if (namespaces.from === "All") return true;
  if (namespaces.from === "Same") return namespace === gateway.metadata.namespace;
  if (namespaces.from === "None" || namespaces.selector === undefined) return false;
  const labels = objects.get("Namespace", "", namespace)?.metadata.labels ?? {};
  // The API server gives every namespace this label.
  return selects(namespaces.selector, { ...labels, "kubernetes.io/metadata.name": namespace });
}
