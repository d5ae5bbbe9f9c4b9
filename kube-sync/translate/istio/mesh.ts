import { Scheme } from "../../../proto/gen/edgeway/v1/table_pb.js";
import type { ServicePort } from "../../objects/core.ts";
import type { ObjectOf } from "../../objects/object.ts";
import type { Context, RouteInit } from "../context.ts";
import { sayAbout } from "../context.ts";
import { LAST } from "../gateway/isolation.ts";
import { coveringHostnames } from "../hostnames.ts";
import type { OrderedRule } from "../order.ts";
import { inOrder } from "../order.ts";
import { hasOwnAddress } from "../origin.ts";
import type { Entry } from "./destinations.ts";
import type { Server } from "./servers.ts";
import { addServerCertificates, entriesOf, isEntry, listensOn, serversOf } from "./servers.ts";
import type { MeshRule } from "./virtual-service.ts";
import { meshRules } from "./virtual-service.ts";

/** Adds the hosts of Istio Gateways themselves. They have no class, so only a cluster that is adopted whole has them. */
export function translateIstio(context: Context): void {
  const { objects, options } = context;
  const rules: OrderedRule[] = [];
  for (const gateway of objects.all("IstioGateway")) {
    if (!options.adoptAll) {
      const reason = "not adopted by itself: it is served for the Ingresses that lead to its Service";
      sayAbout(context, gateway)("info", "", reason);
      continue;
    }
    const servers = serversOf(context, gateway);
    for (const server of servers) {
      addServerCertificates(context, server);
      rules.push(...serverRules(context, server, servers));
    }
  }
  for (const own of Map.groupBy(rules, ({ hostname }) => hostname).values())
    context.routes.push(...inOrder(own, keyOf));
  context.routes.push(...fencesOf(rules));
  reportUnbound(context);
}

function serverRules(context: Context, server: Server, servers: readonly Server[]): OrderedRule[] {
  const schemes = [server.scheme];
  if (server.spec.tls?.httpsRedirect === true) {
    const { namespace, name, createdSeconds } = server.gateway.metadata;
    return server.hosts.map(({ hostname }) => ({
      hostname,
      source: { kind: "IstioGateway", namespace, name },
      createdSeconds,
      schemes,
      matches: [],
      rule: { index: server.index, filters: [HTTPS_REDIRECT] },
    }));
  }
  const entry = entriesOf(context.objects, server.gateway)
    .map((service) => entryOf(service, [server, ...sameHosts(servers, server)]))
    .find((each) => each !== undefined && hasOwnAddress(each.service));
  return meshRules(context, server, entry).map((rule) => ({ ...rule, schemes }));
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
function fencesOf(rules: readonly OrderedRule[]): RouteInit[] {
  const place = (hostname: string, { schemes }: OrderedRule) => `${hostname}/${schemeName(schemes)}`;
  const served = new Set(rules.map((rule) => place(rule.hostname, rule)));
  const whole = new Set(rules.filter(({ matches }) => matches.length === 0).map((rule) => place(rule.hostname, rule)));
  const fences = new Map<string, RouteInit>();
  for (const rule of rules) {
    const { hostname, source, schemes } = rule;
    const here = place(hostname, rule);
    const [, ...wider] = coveringHostnames(hostname);
    if (whole.has(here) || fences.has(here) || !wider.some((each) => served.has(place(each, rule)))) continue;
    const answer = { filter: { case: "directResponse" as const, value: { status: 404 } } };
    fences.set(here, {
      key: `${keyOf(rule)}/none`,
      source,
      hostnames: [hostname],
      schemes: [...schemes],
      rules: [{ priority: LAST, filters: [answer] }],
    });
  }
  return [...fences.values()];
}

/**
 * What a mesh does with calls that come to a port of a Service: undefined when no Istio Gateway is behind it. This is
 * how an Ingress before a mesh, such as Google's load balancer, and the mesh's own routing become one hop.
 */
export function meshBehind(context: Context, service: ObjectOf<"Service">, port: ServicePort): MeshRule[] | undefined {
  const gateways = context.objects.all("IstioGateway").filter((gateway) => isEntry(service, gateway));
  const servers = gateways.flatMap((gateway) => serversOf(context, gateway));
  const behind = servers.filter((server) => listensOn(server, port));
  if (behind.length === 0) return undefined;
  return behind.flatMap((server): MeshRule[] => {
    if (server.spec.tls?.httpsRedirect === true) return [];
    return meshRules(context, server, entryOf(service, [server, ...sameHosts(servers, server)]));
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
function entryOf(service: ObjectOf<"Service">, servers: readonly Server[]): Entry | undefined {
  const open = servers.filter(({ spec }) => spec.tls?.httpsRedirect !== true);
  const secureFirst = open.toSorted((a, b) => b.scheme - a.scheme);
  for (const server of secureFirst) {
    const port = service.spec.ports.find((each) => listensOn(server, each));
    if (port === undefined) continue;
    return { service, port, hint: { protocol: "http2", tls: server.scheme === Scheme.HTTPS } };
  }
  return undefined;
}

/** VirtualServices whose Gateway is not there serve nothing, which is seldom meant. */
function reportUnbound(context: Context): void {
  for (const virtualService of context.objects.all("VirtualService")) {
    const { metadata, spec } = virtualService;
    const say = sayAbout(context, virtualService);
    const names = spec.gateways.filter((name) => name !== "mesh");
    if (names.length === 0 && spec.hosts.length > 0) say("info", "spec.gateways", "is for sidecars alone: not served");
    names.forEach((name) => {
      const [namespace, own] = name.includes("/") ? name.split("/") : [metadata.namespace, name];
      if (context.objects.get("IstioGateway", namespace!, own!) === undefined) {
        say("error", "spec.gateways", `there is no Gateway ${namespace}/${own}`);
      }
    });
  }
}
