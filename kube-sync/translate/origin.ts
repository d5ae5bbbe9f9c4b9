import { isEndpointHost } from "../../routes/syntax.ts";
import type { ServicePort } from "../objects/core.ts";
import type { ObjectOf } from "../objects/object.ts";
import { compareText } from "../report.ts";
import type { Say } from "./context.ts";
import type { ObjectIndex } from "./object-index.ts";
import type { OriginTls } from "./origin-tls.ts";
import type { BackendPolicies } from "./service-policies.ts";

/** What one source says about how an origin is spoken to; undefined where it says nothing. */
export interface OriginHint {
  readonly protocol?: OriginSpeech["protocol"] | undefined;
  readonly tls?: boolean | undefined;
}

/** What whoever refers to a Service says of it. */
export interface Reference extends OriginHint {
  /** What the Service's own annotations do not say. */
  readonly policies?: BackendPolicies | undefined;
  /** How the origin is known over TLS, unless the Service or a policy for it says it. */
  readonly originTls?: OriginTls | undefined;
}

export interface OriginSpeech {
  readonly protocol: "http1" | "http2" | "grpc" | "grpc-web" | "connect";
  readonly tls: boolean;
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** As many as the edge takes for one backend. */
const MAX_ENDPOINTS = 1024;

/** Where the edge reaches a Service, whatever else says: "host:port" or "scheme://host:port". */
const ORIGIN_ANNOTATION = "edgeway.dev/origin";
const ORIGIN_FIELD = `metadata.annotations["${ORIGIN_ANNOTATION}"]`;

const SCHEMES: ReadonlyMap<string, OriginHint> = new Map(
  Object.entries<OriginHint>({
    http: { tls: false },
    https: { tls: true },
    h2c: { protocol: "http2", tls: false },
    grpc: { protocol: "grpc", tls: false },
    grpcs: { protocol: "grpc", tls: true },
    "grpc-web": { protocol: "grpc-web", tls: false },
    "grpc-webs": { protocol: "grpc-web", tls: true },
    connect: { protocol: "connect", tls: false },
    connects: { protocol: "connect", tls: true },
  }),
);

/** Service port `appProtocol`: the Kubernetes names of KEP-3726, IANA's, those that Istio reads, and "connect". */
const APP_PROTOCOLS: ReadonlyMap<string, OriginHint> = new Map(
  Object.entries<OriginHint>({
    "kubernetes.io/h2c": { protocol: "http2", tls: false },
    "kubernetes.io/ws": { protocol: "http1", tls: false },
    "kubernetes.io/wss": { protocol: "http1", tls: true },
    grpc: { protocol: "grpc" },
    "grpc-web": { protocol: "grpc-web" },
    connect: { protocol: "connect" },
    h2c: { protocol: "http2", tls: false },
    http2: { protocol: "http2" },
    http: { protocol: "http1", tls: false },
    https: { tls: true },
  }),
);

/** Port names, as Istio reads them: a protocol, alone or before a dash. */
const PORT_NAMES: ReadonlyMap<string, OriginHint> = new Map(
  Object.entries<OriginHint>({
    grpc: { protocol: "grpc" },
    h2c: { protocol: "http2" },
    http2: { protocol: "http2" },
  }),
);

/**
 * How an origin is spoken to. No manifest says it in one place, so the sources are asked in turn, and the protocol
 * and TLS are each decided by the first that says something. Where one says gRPC, nothing else is sent there:
 *
 * 1. the scheme of `edgeway.dev/origin`, which speaks of the very address that the edge dials;
 * 2. `route`: the protocol annotations of an Ingress dialect (or of the Service, which overrides them), or a GRPCRoute,
 *    whose backends speak gRPC;
 * 3. the Service port's `appProtocol`, which is what Gateway API has for an HTTPRoute before a gRPC server (Envoy
 *    Gateway: kubernetes.io/h2c), and what Istio reads first;
 * 4. the port's name, "grpc" or "grpc-...", "grpc-web", "http2", "h2c", which is what Istio reads next;
 * 5. otherwise HTTP/1.1 in clear text, as in all four systems: a gRPC server without any hint does not work behind an
 *    HTTPRoute or a plain Ingress there either.
 */
export function originSpeech(
  service: ObjectOf<"Service">,
  port: ServicePort,
  route: OriginHint,
  say: Say,
): OriginSpeech {
  const hints = [originOf(service)?.hint ?? {}, route, appProtocolHint(port, say), portNameHint(port.name)];
  return {
    protocol: hints.find(({ protocol }) => protocol !== undefined)?.protocol ?? "http1",
    tls: hints.find(({ tls }) => tls !== undefined)?.tls ?? false,
  };
}

function appProtocolHint({ appProtocol, port }: ServicePort, say: Say): OriginHint {
  if (appProtocol === undefined) return {};
  const hint = APP_PROTOCOLS.get(appProtocol.toLowerCase());
  if (hint === undefined) say("warning", "spec.ports", `port ${port}: appProtocol "${appProtocol}" is not known`);
  return hint ?? {};
}

/** Gateway API: a backend whose protocol, by a name that Kubernetes defines, is none that the edge speaks. */
export function isUnsupportedProtocol({ appProtocol }: ServicePort): boolean {
  return appProtocol?.startsWith("kubernetes.io/") === true && !APP_PROTOCOLS.has(appProtocol);
}

function portNameHint(name: string): OriginHint {
  if (name === "grpc-web" || name.startsWith("grpc-web-")) return { protocol: "grpc-web" };
  return PORT_NAMES.get(name.split("-", 1)[0] ?? "") ?? {};
}

/**
 * Where the edge reaches a Service's port. The first that is there: the annotation, the load balancer's addresses, the
 * external name, the ready endpoints (when the edge shares a network with the cluster).
 */
export function originEndpoints(
  objects: ObjectIndex,
  service: ObjectOf<"Service">,
  port: ServicePort,
  say: Say,
): Address[] {
  const known = unique(addressesOf(objects, service, port, say));
  const usable = known.filter(({ host }) => isEndpointHost(host));
  const [wrong] = known.filter((address) => !usable.includes(address));
  if (wrong !== undefined)
    say("error", "", `"${wrong.host}" is neither a lower-case host name nor an IP address: ignored`);
  if (usable.length <= MAX_ENDPOINTS) return usable;
  say("warning", "", `port ${port.port} has more than ${MAX_ENDPOINTS} endpoints: the others get no calls`);
  return usable.slice(0, MAX_ENDPOINTS);
}

function addressesOf(objects: ObjectIndex, service: ObjectOf<"Service">, port: ServicePort, say: Say): Address[] {
  const { type, externalName, ports } = service.spec;
  if (service.metadata.annotations[ORIGIN_ANNOTATION] !== undefined) {
    const origin = originOf(service);
    if (origin === undefined) {
      say(
        "error",
        ORIGIN_FIELD,
        'must be "host:port" or "scheme://host:port", the scheme http, https, h2c, grpc, grpcs, grpc-web, grpc-webs, connect or connects',
      );
      return [];
    }
    if (ports.length > 1) say("warning", ORIGIN_FIELD, `stands for each of ${ports.length} ports`);
    return [{ host: origin.host, port: origin.port }];
  }
  if (type === "ExternalName") {
    if (externalName === undefined) say("error", "spec.externalName", "is missing");
    return externalName === undefined ? [] : [{ host: externalName, port: port.port }];
  }
  const balancers = service.status.loadBalancer.ingress.flatMap(({ ip, hostname }) => ip ?? hostname ?? []);
  if (type === "LoadBalancer" && balancers.length > 0) return balancers.map((host) => ({ host, port: port.port }));
  return readyEndpoints(objects, service, port, say);
}

function readyEndpoints(objects: ObjectIndex, service: ObjectOf<"Service">, port: ServicePort, say: Say): Address[] {
  const slices = objects.slicesOf(service);
  const ready = slices.flatMap(({ endpoints, ports }) => {
    const target = ports.find(({ name }) => name === port.name)?.port;
    if (target === undefined) return [];
    // Kubernetes: the addresses of one endpoint are interchangeable, and the first is to be used.
    const hosts = endpoints.flatMap(({ addresses, conditions }) => (conditions.ready ? addresses.slice(0, 1) : []));
    return hosts.map((host) => ({ host, port: target }));
  });
  if (ready.length === 0) say("warning", "", noAddress(slices.length > 0, port));
  return ready;
}

function noAddress(hasSlices: boolean, { port }: ServicePort): string {
  return hasSlices
    ? `port ${port} has no ready endpoint`
    : `the edge cannot reach port ${port}: no ${ORIGIN_ANNOTATION} annotation, load balancer address, external name or EndpointSlice`;
}

/** Sorted, each once: the same endpoint may be in two slices for a while. */
function unique(endpoints: readonly Address[]): Address[] {
  const keyed = new Map(endpoints.map((endpoint) => [`${endpoint.host} ${endpoint.port}`, endpoint]));
  return [...keyed].toSorted(([a], [b]) => compareText(a, b)).map(([, endpoint]) => endpoint);
}

/** The annotation's parts; undefined when it is absent or malformed. */
function originOf(service: ObjectOf<"Service">): { hint: OriginHint; host: string; port: number } | undefined {
  const value = service.metadata.annotations[ORIGIN_ANNOTATION];
  const parts = /^(?:([a-z0-9-]+):\/\/)?(?:\[([0-9a-fA-F:]+)\]|([A-Za-z0-9._-]+)):(\d{1,5})\/?$/.exec(
    value?.trim() ?? "",
  );
  if (parts === null) return undefined;
  const [, scheme, ipv6, name] = parts;
  const hint = scheme === undefined ? {} : SCHEMES.get(scheme);
  const port = Number(parts[4]);
  if (hint === undefined || port < 1 || port > 65_535) return undefined;
  return { hint, host: (ipv6 ?? name ?? "").toLowerCase(), port };
}

/** Whether a Service says by itself where it is reached from outside of its cluster. */
export function hasOwnAddress(service: ObjectOf<"Service">): boolean {
  const { type } = service.spec;
  if (originOf(service) !== undefined || type === "ExternalName") return true;
  return type === "LoadBalancer" && service.status.loadBalancer.ingress.length > 0;
}

/** Whether the edge reaches it: there, or in the network that the edge may share with the cluster. */
export function isReached(objects: ObjectIndex, service: ObjectOf<"Service">): boolean {
  return hasOwnAddress(service) || objects.slicesOf(service).length > 0;
}
