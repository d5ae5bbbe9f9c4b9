import { Scheme } from "../../../proto/gen/edgeway/v1/table_pb.js";
import type { FrontendValidation, Listener, SecretRef } from "../../objects/gateway.ts";
import type { ObjectOf } from "../../objects/object.ts";
import { GATEWAY_GROUP } from "../../objects/route-parts.ts";
import type { Certificate, ClientCertificates } from "../certificates.ts";
import { addCertificate, authoritiesOf } from "../certificates.ts";
import type { Context, Say } from "../context.ts";
import { GATEWAY_CONTROLLER, sayAbout } from "../context.ts";
import { intersectHostnames } from "../hostnames.ts";
import { isGranted } from "./grants.ts";

const ROUTE_KINDS = ["HTTPRoute", "GRPCRoute"] as const;
type RouteKind = (typeof ROUTE_KINDS)[number];

/** What is wrong with a listener, by the condition that says so. */
export interface ListenerProblem {
  readonly type: "Accepted" | "Conflicted" | "ResolvedRefs";
  readonly reason: string;
  readonly message: string;
}

/** A listener of a Gateway that is Edgeway's. */
export interface ReadListener {
  /** Index in the Gateway's spec.listeners. */
  readonly index: number;
  readonly spec: Listener;
  readonly scheme: Scheme;
  /** The kinds of routes that may attach. */
  readonly kinds: readonly RouteKind[];
  readonly problems: readonly ListenerProblem[];
}

export interface ServedGateway {
  readonly gateway: ObjectOf<"Gateway">;
  readonly listeners: readonly ReadListener[];
}

/** Whether the edge serves a listener: it does in spite of a reference that does not resolve. */
export function isServed({ problems }: ReadListener): boolean {
  return problems.every(({ type }) => type === "ResolvedRefs");
}

const SCHEMES: ReadonlyMap<string, Scheme> = new Map(
  Object.entries<Scheme>({ HTTP: Scheme.HTTP, HTTPS: Scheme.HTTPS }),
);

/** The Gateways that are Edgeway's, by "namespace/name", with their certificates noted. */
export function servedGateways(context: Context): ReadonlyMap<string, ServedGateway> {
  const served = new Map<string, ServedGateway>();
  for (const gateway of context.objects.all("Gateway")) {
    const say = sayAbout(context, gateway);
    if (!isAdopted(context, gateway, say)) continue;
    if (gateway.spec.tls?.backend !== undefined)
      say("warning", "spec.tls.backend", "is not carried: calls to origins are made without the Gateway's certificate");
    const { namespace, name } = gateway.metadata;
    const listeners = gateway.spec.listeners.map((spec, index) => readListener(context, gateway, spec, index, say));
    warnOfPorts(listeners, say);
    served.set(`${namespace}/${name}`, { gateway, listeners });
  }
  return served;
}

/** The edge has no ports: listeners that these alone tell apart are one. */
function warnOfPorts(listeners: readonly ReadListener[], say: Say): void {
  const served = listeners.filter(isServed);
  for (const [i, { index, scheme, spec }] of served.entries()) {
    const hostname = spec.hostname ?? "";
    const other = served
      .slice(0, i)
      .find(
        (each) =>
          each.scheme === scheme &&
          each.spec.port !== spec.port &&
          intersectHostnames(hostname, [each.spec.hostname ?? ""]).length > 0,
      );
    if (other === undefined) continue;
    const reason = `the edge has no ports: it and listener "${other.spec.name}" take each other's calls for the hostnames of both`;
    say("warning", `spec.listeners[${index}].port`, reason);
  }
}

function isAdopted({ objects, options }: Context, { spec }: ObjectOf<"Gateway">, say: Say): boolean {
  if (options.adoptAll) return true;
  const found = objects.get("GatewayClass", "", spec.gatewayClassName);
  if (found?.spec.controllerName === GATEWAY_CONTROLLER) return true;
  if (options.adoptClasses?.has(spec.gatewayClassName) === true) return true;
  const passed = { passedOver: { className: spec.gatewayClassName } };
  if (found === undefined) {
    const reason = `not adopted: there is no GatewayClass "${spec.gatewayClassName}"`;
    say("warning", "spec.gatewayClassName", reason, passed);
  } else {
    const reason = `not adopted: GatewayClass "${found.metadata.name}" belongs to ${found.spec.controllerName}`;
    say("info", "spec.gatewayClassName", reason, passed);
  }
  return false;
}

function readListener(
  context: Context,
  gateway: ObjectOf<"Gateway">,
  spec: Listener,
  index: number,
  say: Say,
): ReadListener {
  const problems: ListenerProblem[] = [];
  const refuse: Refuse = (type, reason, field, message) => {
    problems.push({ type, reason, message });
    say("error", `spec.listeners[${index}]${field}`, type === "ResolvedRefs" ? message : `${message}: not served`);
  };
  const scheme = SCHEMES.get(spec.protocol);
  if (scheme === undefined) {
    refuse("Accepted", "UnsupportedProtocol", ".protocol", `"${spec.protocol}" is not supported, only HTTP and HTTPS`);
  } else {
    checkDistinct(gateway.spec.listeners, index, refuse);
    if (scheme === Scheme.HTTPS)
      readTls(context, gateway, spec, refuse, (reason) => say("info", `spec.listeners[${index}].tls`, reason));
  }
  return { index, spec, scheme: scheme ?? Scheme.UNSPECIFIED, kinds: allowedKinds(spec, refuse), problems };
}

type Refuse = (type: ListenerProblem["type"], reason: string, field: string, message: string) => void;

/** Gateway API: listeners are told apart by port, protocol and hostname; of those that are not, none is served. */
function checkDistinct(listeners: readonly Listener[], index: number, refuse: Refuse): void {
  const spec = listeners[index]!;
  if (listeners.findIndex(({ name }) => name === spec.name) < index) {
    refuse("Accepted", "Invalid", ".name", `"${spec.name}" is the name of another listener`);
    return;
  }
  const onPort = listeners.filter(({ name, port }) => name !== spec.name && port === spec.port);
  const foreign = onPort.find(({ protocol }) => protocol !== spec.protocol);
  if (foreign !== undefined) {
    refuse(
      "Conflicted",
      "ProtocolConflict",
      ".protocol",
      `listener "${foreign.name}" has the port for ${foreign.protocol}`,
    );
    return;
  }
  const twin = onPort.find(({ hostname }) => (hostname ?? "") === (spec.hostname ?? ""));
  if (twin !== undefined) {
    refuse("Conflicted", "HostnameConflict", ".hostname", `listener "${twin.name}" has the same port and hostname`);
  }
}

function allowedKinds({ allowedRoutes }: Listener, refuse: Refuse): RouteKind[] {
  const { kinds } = allowedRoutes;
  if (kinds.length === 0) return [...ROUTE_KINDS];
  const isKnown = ({ group, kind }: { group: string; kind: string }) =>
    group === GATEWAY_GROUP && ROUTE_KINDS.some((known) => known === kind);
  const unknown = kinds.find((kind) => !isKnown(kind));
  if (unknown !== undefined) {
    const message = `${unknown.group}/${unknown.kind} is not supported, only HTTPRoute and GRPCRoute`;
    refuse("ResolvedRefs", "InvalidRouteKinds", ".allowedRoutes.kinds", message);
  }
  return ROUTE_KINDS.filter((known) => kinds.some((kind) => isKnown(kind) && kind.kind === known));
}

/** Notes the listener's certificates. */
function readTls(
  context: Context,
  gateway: ObjectOf<"Gateway">,
  spec: Listener,
  refuse: Refuse,
  note: (reason: string) => void,
): void {
  if (spec.tls?.mode === "Passthrough") {
    refuse("Accepted", "UnsupportedValue", ".tls.mode", "Passthrough is not supported: the edge ends TLS");
    return;
  }
  const clients = clientsOf(context, gateway, spec, refuse, note);
  if (clients === "refused") return;
  const refs = spec.tls?.certificateRefs ?? [];
  if (refs.length === 0) note("names no certificate: the edge presents its own");
  const { namespace, name } = gateway.metadata;
  const listener = { kind: "Gateway", namespace, name, part: spec.name };
  const use = { hostnames: spec.hostname === undefined ? [] : [spec.hostname], listener, ...(clients && { clients }) };
  refs.forEach((ref, i) => {
    addListenerCertificate(context, gateway, use, ref, (message, reason) =>
      refuse("ResolvedRefs", reason ?? "InvalidCertificateRef", `.tls.certificateRefs[${i}]`, message),
    );
  });
}

/** Whose client certificates are asked for. A listener that cannot ask for them is not served: it would let all in. */
function clientsOf(
  context: Context,
  gateway: ObjectOf<"Gateway">,
  spec: Listener,
  refuse: Refuse,
  note: (reason: string) => void,
): ClientCertificates | "refused" | undefined {
  const validation = spec.tls?.frontendValidation ?? frontendOf(gateway, spec.port);
  if (validation === undefined) return undefined;
  const fail = (reason: string, message: string) => {
    refuse("Accepted", reason, ".tls", message);
    return "refused" as const;
  };
  if (context.options.pushCertificates !== true || spec.tls?.certificateRefs.length === 0) {
    const reason = "client certificates can be asked for only where the listener's certificate is pushed to the edge";
    return fail("UnsupportedValue", reason);
  }
  let caPem = "";
  for (const { group, kind, namespace = gateway.metadata.namespace, name } of validation.caCertificateRefs) {
    if (group !== "" || (kind !== "ConfigMap" && kind !== "Secret"))
      return fail("NoValidCACertificate", `${kind} is not supported, only ConfigMap and Secret`);
    const from = { kind: "Gateway" as const, namespace: gateway.metadata.namespace };
    if (!isGranted(context.objects, { from, to: { kind, namespace, name } }))
      return fail("NoValidCACertificate", `no ReferenceGrant in ${namespace} lets Gateways use ${kind} ${name}`);
    const found = authoritiesOf(context.objects, { kind, namespace, name });
    if ("wrong" in found) return fail("NoValidCACertificate", found.wrong);
    caPem += found.pem;
  }
  if (caPem === "") return fail("NoValidCACertificate", "names no certificate of an authority");
  const optional = validation.mode === "AllowInsecureFallback";
  if (optional) note("AllowInsecureFallback: callers may do without a certificate, but not with a wrong one");
  return { caPem, optional };
}

function frontendOf({ spec }: ObjectOf<"Gateway">, port: number): FrontendValidation | undefined {
  const { perPort = [], default: others } = spec.tls?.frontend ?? {};
  const own = perPort.find((each) => each.port === port);
  return own === undefined ? others?.validation : own.tls.validation;
}

function addListenerCertificate(
  context: Context,
  gateway: ObjectOf<"Gateway">,
  use: Pick<Certificate, "hostnames" | "listener" | "clients">,
  ref: SecretRef,
  refuse: (message: string, reason?: "RefNotPermitted") => void,
): void {
  if (ref.group !== "" || ref.kind !== "Secret") {
    refuse(`${ref.kind} is not supported, only Secret`);
    return;
  }
  const secret = { kind: "Secret" as const, namespace: ref.namespace ?? gateway.metadata.namespace, name: ref.name };
  const from = { kind: "Gateway" as const, namespace: gateway.metadata.namespace };
  if (!isGranted(context.objects, { from, to: secret })) {
    const message = `no ReferenceGrant in ${secret.namespace} lets Gateways of ${from.namespace} use Secret ${secret.name}`;
    refuse(message, "RefNotPermitted");
    return;
  }
  addCertificate(context, secret, use, (message) => refuse(message));
}
