import { Scheme } from "../../../proto/gen/edgeway/v1/table_pb.js";
import type { ServicePort } from "../../objects/core.ts";
import type { ObjectOf } from "../../objects/object.ts";
import type { Context, RouteInit } from "../context.ts";
import { sayAbout } from "../context.ts";
import { LAST } from "../gateway/isolation.ts";
import { coveringHostnames } from "../hostnames.ts";
import type { ObjectIndex } from "../object-index.ts";
import { getOrAdd } from "../object-index.ts";
import type { OrderedRule } from "../order.ts";
import { inOrder } from "../order.ts";
import { hasOwnAddress } from "../origin.ts";
import { isWildcardOf, ROOT_NAMESPACE, serviceNameOf } from "../service-host.ts";
import type { Entry } from "./destinations.ts";
import type { Server } from "./servers.ts";
import { entryTls } from "./entry-tls.ts";
import { addServerCertificates, entriesOf, isEntry, listensOn, podNamespaces, serversOf } from "./servers.ts";
import type { MeshRule } from "./virtual-service.ts";
import { meshRules } from "./virtual-service.ts";

/** The hosts of Istio Gateways themselves. They have no class, so only a cluster that is adopted whole has them. */
export function translateIstio(context: Context): RouteInit[] {
  const { objects, options } = context;
  const rules: OrderedRule[] = [];
  for (const gateway of objects.all("IstioGateway")) {
    const servers = context.unit("servers", gateway, [], (own) => {
      if (options.adoptAll) return serversOf(own, gateway);
      const reason = "not adopted by itself: it is served for the Ingresses that lead to its Service";
      sayAbout(own, gateway)("info", "", reason);
      return [];
    });
    for (const server of servers) {
      context.unit("server certificates", server, [], (own) => addServerCertificates(own, server));
      for (const rule of serverRules(context, server, servers)) rules.push(rule);
    }
  }
  reportUnbound(context);
  reportUnused(context);
  const byHost = [...Map.groupBy(rules, ({ hostname }) => hostname)];
  return [
    ...byHost.flatMap(([hostname, own]) => context.unit("virtual host", hostname, own, () => inOrder(own, keyOf))),
    ...fencesOf(context, rules),
  ];
}

function serverRules(context: Context, server: Server, servers: readonly Server[]): readonly OrderedRule[] {
  if (server.spec.tls?.httpsRedirect === true)
    return context.unit("server redirects", server, [], () => redirects(server));
  const { gateway } = server;
  const entries = context.unit("entries", gateway, [], (own) => entriesOf(own.objects, gateway));
  const entry = context.unit("entry", server, [...servers, ...entries], (own) => {
    const candidates = entries
      .map((service) => entryOf(own, service, [server, ...sameHosts(servers, server)]))
      .filter((each) => each !== undefined);
    return candidates.find(({ service }) => hasOwnAddress(service)) ?? candidates[0];
  });
  return meshRules(context, server, entry, entries);
}

function redirects({ gateway, hosts, index, scheme }: Server): OrderedRule[] {
  const { namespace, name, createdSeconds } = gateway.metadata;
  return hosts.map(({ hostname }) => ({
    hostname,
    source: { kind: "IstioGateway", namespace, name },
    createdSeconds,
    schemes: [scheme],
    matches: [],
    rule: { index, filters: [HTTPS_REDIRECT] },
  }));
}

/** Istio's httpsRedirect answers 301. */
const HTTPS_REDIRECT = { filter: { case: "redirect" as const, value: { scheme: "https", status: 301 } } };

function keyOf({ source, hostname, schemes }: OrderedRule): string {
  const { kind, namespace, name } = source;
  return `${kind}/${namespace}/${name}/${hostname || "*"}/${schemeName(schemes)}`;
}

function schemeName([scheme]: OrderedRule["schemes"]): string {
  return scheme === Scheme.HTTPS ? "https" : "http";
}

/** Envoy takes the narrowest host alone: what none of its rules takes is answered, and does not go on to wider ones. */
function fencesOf(context: Context, rules: readonly OrderedRule[]): RouteInit[] {
  const place = (hostname: string, { schemes }: OrderedRule) => `${hostname}/${schemeName(schemes)}`;
  const first = new Map<string, OrderedRule>();
  for (const rule of rules) getOrAdd(first, place(rule.hostname, rule), () => rule);
  const whole = new Set(rules.filter(({ matches }) => matches.length === 0).map((rule) => place(rule.hostname, rule)));
  return [...first].flatMap(([here, rule]) => {
    const [, ...wider] = coveringHostnames(rule.hostname);
    if (whole.has(here) || !wider.some((each) => first.has(place(each, rule)))) return [];
    return [context.unit("virtual host fence", rule, [], () => fence(rule))];
  });
}

/** What Envoy says when no rule of a virtual host takes a call. */
export const NOT_FOUND = { filter: { case: "directResponse" as const, value: { status: 404 } } };

function fence(rule: OrderedRule): RouteInit {
  return {
    key: `${keyOf(rule)}/none`,
    source: rule.source,
    hostnames: [rule.hostname],
    schemes: [...rule.schemes],
    rules: [{ priority: LAST, filters: [NOT_FOUND] }],
  };
}

/**
 * What a mesh does with calls that come to a port of a Service: undefined when no Istio Gateway is behind it. This is
 * how an Ingress before a mesh, such as Google's load balancer, and the mesh's own routing become one hop.
 */
export function meshBehind(context: Context, service: ObjectOf<"Service">, port: ServicePort): MeshRule[] | undefined {
  const gateways = context.objects.all("IstioGateway").filter((gateway) => isEntry(service, gateway));
  const servers = gateways.flatMap((gateway) => serversOf(context, gateway));
  // Callers of an Ingress show it no certificate that it could pass on.
  const behind = servers.filter((server) => listensOn(server, port) && server.clients?.optional !== false);
  if (behind.length === 0) return undefined;
  return behind.flatMap((server): MeshRule[] => {
    if (server.spec.tls?.httpsRedirect === true) return [];
    return meshRules(context, server, entryOf(context, service, [server, ...sameHosts(servers, server)]), [service]);
  });
}

/** Servers of the same gateways that have all the hosts of one. */
function sameHosts(servers: readonly Server[], server: Server): Server[] {
  return servers.filter(
    (other) =>
      other !== server && server.hosts.every(({ hostname }) => other.hosts.some((host) => host.hostname === hostname)),
  );
}

/** The Service as an origin, on the port of a server that has TLS if one does. Envoy speaks HTTP/2 on either. */
function entryOf(context: Context, service: ObjectOf<"Service">, servers: readonly Server[]): Entry | undefined {
  const open = servers.filter(({ spec }) => spec.tls?.httpsRedirect !== true);
  const secureFirst = open.toSorted((a, b) => b.scheme - a.scheme);
  for (const server of secureFirst) {
    const port = service.spec.ports.find((each) => listensOn(server, each));
    if (port === undefined) continue;
    const originTls = entryTls(context, server);
    return { service, port, hint: { protocol: "http2", tls: server.scheme === Scheme.HTTPS, originTls } };
  }
  return undefined;
}

/** VirtualServices whose Gateway is not there serve nothing, which is seldom meant. */
function reportUnbound(context: Context): void {
  for (const virtualService of context.objects.all("VirtualService")) {
    context.unit("unbound", virtualService, [], (own) => {
      const { metadata, spec } = virtualService;
      const say = sayAbout(own, virtualService);
      const names = spec.gateways.filter((name) => name !== "mesh");
      if (names.length === 0 && spec.hosts.length > 0)
        say("info", "spec.gateways", "is for sidecars alone: not served");
      for (const name of names) {
        const [namespace, gateway] = name.includes("/") ? name.split("/") : [metadata.namespace, name];
        if (own.objects.get("IstioGateway", namespace!, gateway!) === undefined) {
          say("error", "spec.gateways", `there is no Gateway ${namespace}/${gateway}`);
        }
      }
    });
  }
}

/** DestinationRules that no gateway looks at. */
function reportUnused(context: Context): void {
  for (const rule of context.objects.all("DestinationRule")) {
    context.unit("unused", rule, [], (own) => {
      const reason = whyUnused(own.objects, rule);
      if (reason !== undefined) sayAbout(own, rule)("warning", "spec.host", `${reason}: it is not used`);
    });
  }
}

function whyUnused(objects: ObjectIndex, { metadata, spec }: ObjectOf<"DestinationRule">): string | undefined {
  const { namespace } = metadata;
  const services = servicesOf(objects, spec.host, namespace);
  if (services.length === 0) return `there is no Service for the host "${spec.host}"`;
  if (namespace === ROOT_NAMESPACE || services.some((service) => service.metadata.namespace === namespace))
    return undefined;
  const callers = objects.all("IstioGateway").flatMap((gateway) => podNamespaces(gateway, entriesOf(objects, gateway)));
  return callers.includes(namespace)
    ? undefined
    : `${namespace} is neither the Service's namespace nor a gateway's nor ${ROOT_NAMESPACE}`;
}

function servicesOf(objects: ObjectIndex, host: string, namespace: string): readonly ObjectOf<"Service">[] {
  if (host.startsWith("*")) return objects.all("Service").filter(({ metadata }) => isWildcardOf(host, metadata));
  const [there = "", name = ""] = serviceNameOf(host, namespace)?.split("/") ?? [];
  return [objects.get("Service", there, name)].filter((service) => service !== undefined);
}
