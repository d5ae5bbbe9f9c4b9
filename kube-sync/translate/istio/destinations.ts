import type { BackendTarget } from "../backends.ts";
import { findPort, noSuchPort, useBackend } from "../backends.ts";
import type { ServicePort } from "../../objects/core.ts";
import type { IstioDestination } from "../../objects/istio.ts";
import type { ObjectOf } from "../../objects/object.ts";
import type { Context } from "../context.ts";
import { invalidTarget } from "../context.ts";
import type { Reference } from "../origin.ts";
import { hasOwnAddress } from "../origin.ts";
import { referenceBy } from "./traffic-policy.ts";
import { ROOT_NAMESPACE, serviceNameOf } from "../service-host.ts";
import { podNamespaces, type Server } from "./servers.ts";

/** A mesh's gateway as an origin: its Service, and how it is spoken to. */
export interface Entry {
  readonly service: ObjectOf<"Service">;
  readonly port: ServicePort;
  readonly hint: Reference;
}

/** Whose destinations they are: of a VirtualService's rules, as a server has them. */
export interface Caller {
  readonly virtualService: ObjectOf<"VirtualService">;
  readonly server: Server;
  /** The Services before its gateway's pods. */
  readonly entries: readonly ObjectOf<"Service">[];
}

interface Found {
  readonly service: ObjectOf<"Service">;
  readonly port: ServicePort;
  readonly reference: Reference;
}

/**
 * Where the calls of a rule go.
 *
 * A call to a mesh passes the mesh's gateway, which chooses a Service. The edge makes that choice itself where it can,
 * which saves the hop: when it reaches every destination of the rule at an address of the destination's own (the
 * annotation edgeway.dev/origin, a load balancer, an external name), the calls go straight there, and the edge does
 * what the rule says (weights, rewriting, headers). Otherwise, if the gateway's own Service has such an address, all
 * calls of the rule go there, over TLS where it serves TLS, with authority, path and headers as the caller sent them:
 * then the mesh reads the same rule and does all of it, and the edge must do none, lest it be done twice. One rule is
 * never split between the two, as its weights would be applied twice. If neither has an address, edge and mesh
 * share a network, and the destinations' endpoints are dialled. A destination that is neither found nor left to the
 * gateway answers its share with an error.
 */
export function targetsOf(
  context: Context,
  from: Caller,
  destinations: readonly IstioDestination[],
  entry: Entry | undefined,
  refuse: (index: number, reason: string) => void,
):
  | { readonly via: "mesh"; readonly target: BackendTarget }
  | { readonly via: "edge"; readonly targets: BackendTarget[] } {
  const found = destinations.map((destination) => resolve(context, from, destination));
  if (entry !== undefined && hasOwnAddress(entry.service)) {
    const straight = found.every((each) => typeof each !== "string" && hasOwnAddress(each.service));
    if (!straight) return { via: "mesh", target: useBackend(context, entry.service, entry.port, entry.hint) };
  }
  const targets = found.map((each, i): BackendTarget => {
    if (typeof each !== "string") return useBackend(context, each.service, each.port, each.reference);
    refuse(i, each);
    return invalidTarget(each);
  });
  return { via: "edge", targets };
}

/** What copies of calls go to, or why it is not found. */
export function mirrorTarget(context: Context, from: Caller, destination: IstioDestination): BackendTarget | string {
  const found = resolve(context, from, destination);
  return typeof found === "string" ? found : useBackend(context, found.service, found.port, found.reference);
}

/** The Service port of a destination, or why there is none. */
function resolve(context: Context, from: Caller, { host, subset, port }: IstioDestination): Found | string {
  const service = serviceOf(context, from.virtualService.metadata.namespace, host);
  if (service === undefined) return `there is no Service for the host "${host}"`;
  const rule = destinationRuleOf(context, from, service);
  const narrowed = subset === undefined ? service : subsetService(context, service, rule, subset);
  if (typeof narrowed === "string") return narrowed;
  const ports = narrowed.spec.ports;
  // Istio: the only port, or else the listener's.
  const wanted = port?.number ?? (ports.length === 1 ? ports[0]!.port : from.server.spec.port.number);
  const servicePort = findPort(narrowed, wanted);
  if (servicePort === undefined && port === undefined)
    return `Service ${host} has ${ports.length} ports, none of them ${wanted} as the listener's: the destination must name one`;
  if (servicePort === undefined) return noSuchPort(narrowed, wanted);
  return {
    service: narrowed,
    port: servicePort,
    reference: rule === undefined ? {} : referenceBy(context, rule, subset, wanted),
  };
}

function serviceOf({ objects }: Context, namespace: string, host: string): ObjectOf<"Service"> | undefined {
  const [there, name] = serviceNameOf(host, namespace)?.split("/") ?? [];
  return there === undefined || name === undefined ? undefined : objects.get("Service", there, name);
}

/** Istio looks where the gateway's pods are, then in the Service's namespace, then in the root one for the mesh. */
function destinationRuleOf(
  context: Context,
  { server, entries }: Caller,
  service: ObjectOf<"Service">,
): ObjectOf<"DestinationRule"> | undefined {
  const rules = context.objects.destinationRulesOf(service);
  if (rules.length === 0) return undefined;
  // What is in the root namespace is last even for gateways there.
  const own = podNamespaces(server.gateway, entries).filter((namespace) => namespace !== ROOT_NAMESPACE);
  return [...own, service.metadata.namespace, ROOT_NAMESPACE]
    .map((namespace) => rules.find(({ metadata }) => metadata.namespace === namespace))
    .find((rule) => rule !== undefined);
}

/**
 * A subset is the pods of a Service with some labels, and the edge cannot tell pods apart. So it is the Service that
 * selects just those, if there is one: the Service itself, or another of its namespace.
 */
function subsetService(
  { objects }: Context,
  service: ObjectOf<"Service">,
  rule: ObjectOf<"DestinationRule"> | undefined,
  name: string,
): ObjectOf<"Service"> | string {
  const { namespace } = service.metadata;
  const subset = rule?.spec.subsets.find((each) => each.name === name);
  if (subset === undefined)
    return `no DestinationRule has a subset "${name}" of Service ${namespace}/${service.metadata.name}`;
  const wanted = Object.entries({ ...service.spec.selector, ...subset.labels });
  const selects = ({ spec }: ObjectOf<"Service">) =>
    wanted.length > 0 &&
    Object.keys(spec.selector).length === wanted.length &&
    wanted.every(([key, value]) => spec.selector[key] === value);
  const found = selects(service) ? service : objects.servicesIn(namespace).find(selects);
  const labels = wanted.map(([key, value]) => `${key}=${value}`).join(",");
  return found ?? `the subset "${name}" needs a Service of its own in ${namespace}, one that selects ${labels}`;
}
