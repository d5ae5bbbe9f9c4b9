import { Scheme } from "../../../proto/gen/edgeway/v1/table_pb.js";
import { forms } from "../../../routes/syntax.ts";
import type { ServicePort } from "../../objects/core.ts";
import type { IstioServer } from "../../objects/istio.ts";
import type { ObjectOf } from "../../objects/object.ts";
import type { ClientCertificates } from "../certificates.ts";
import { addCertificate, authoritiesOf } from "../certificates.ts";
import type { Context, Say } from "../context.ts";
import { sayAbout } from "../context.ts";
import type { ObjectIndex } from "../object-index.ts";

/** A host of a server, and whose VirtualServices may use it. */
interface ServerHost {
  /** "" is every host. */
  readonly hostname: string;
  /** Undefined: of every namespace. */
  readonly namespace: string | undefined;
}

/** A server of an Istio Gateway that the edge can stand in for. */
export interface Server {
  readonly gateway: ObjectOf<"IstioGateway">;
  readonly index: number;
  readonly spec: IstioServer;
  readonly scheme: Scheme.HTTP | Scheme.HTTPS;
  readonly hosts: readonly ServerHost[];
  /** Whose client certificates it asks for. */
  readonly clients: ClientCertificates | undefined;
}

const SCHEMES: ReadonlyMap<string, Server["scheme"]> = new Map(
  Object.entries<Server["scheme"]>({
    HTTP: Scheme.HTTP,
    HTTP2: Scheme.HTTP,
    GRPC: Scheme.HTTP,
    "GRPC-WEB": Scheme.HTTP,
    HTTPS: Scheme.HTTPS,
  }),
);

/** The servers of a Gateway. Those that are none of the edge's are reported and left out. */
export function serversOf(context: Context, gateway: ObjectOf<"IstioGateway">): Server[] {
  const say = sayAbout(context, gateway);
  return gateway.spec.servers.flatMap((spec, index) => {
    const field = `spec.servers[${index}]`;
    const scheme = SCHEMES.get(spec.port.protocol.toUpperCase());
    if (scheme === undefined) {
      say(
        "error",
        `${field}.port.protocol`,
        `"${spec.port.protocol}" is not supported, only HTTP and HTTPS: not served`,
      );
      return [];
    }
    const mode = spec.tls?.mode ?? (spec.tls === undefined || spec.tls.httpsRedirect ? "SIMPLE" : "PASSTHROUGH");
    const isSecure = scheme === Scheme.HTTPS;
    const asked = isSecure && /^(OPTIONAL_)?MUTUAL$/.test(mode) ? clientsOf(context, gateway, spec, mode) : undefined;
    const refused = (isSecure ? REFUSED_MODES.get(mode) : undefined) ?? (typeof asked === "string" ? asked : undefined);
    if (refused !== undefined && mode !== "OPTIONAL_MUTUAL") {
      say("error", `${field}.tls.mode`, `${mode}: ${refused}: not served`);
      return [];
    }
    if (refused !== undefined) say("warning", `${field}.tls.mode`, `${mode}: ${refused}: none are asked for`);
    const hosts = spec.hosts.flatMap((host, i) => readHost(gateway, host, `${field}.hosts[${i}]`, say));
    return [{ gateway, index, spec, scheme, hosts, clients: typeof asked === "string" ? undefined : asked }];
  });
}

const REFUSED_MODES: ReadonlyMap<string, string> = new Map([
  ["PASSTHROUGH", "the edge ends TLS"],
  ["AUTO_PASSTHROUGH", "the edge ends TLS"],
  ["ISTIO_MUTUAL", "the edge is no part of the mesh"],
]);

/** Whose client certificates a server asks for; or why it cannot, and to serve without them would let everyone in. */
function clientsOf(
  context: Context,
  gateway: ObjectOf<"IstioGateway">,
  { tls }: IstioServer,
  mode: string,
): ClientCertificates | string {
  const [name] = credentialNames(tls);
  if (context.options.pushCertificates !== true || name === undefined)
    return "client certificates can be asked for only where the server's certificate is pushed to the edge";
  if (tls !== undefined && tls.subjectAltNames.length > 0) return "subjectAltNames of callers are not supported";
  // The authority may be in a Secret of its own, or beside the server's certificate.
  const candidates = tls?.caCertCredentialName === undefined ? [`${name}-cacert`, name] : [tls.caCertCredentialName];
  const found = candidates.map((each) =>
    authoritiesOf(context.objects, { kind: "Secret", namespace: secretNamespace(context, gateway, each), name: each }),
  );
  const authorities = found.find((each) => "pem" in each);
  if (authorities === undefined) return found.map((each) => ("wrong" in each ? each.wrong : "")).join("; ");
  return { caPem: authorities.pem, optional: mode === "OPTIONAL_MUTUAL" };
}

export function credentialNames(tls: IstioServer["tls"]): string[] {
  return [...(tls?.credentialName === undefined ? [] : [tls.credentialName]), ...(tls?.credentialNames ?? [])];
}

/** Istio reads Secrets where the gateway's pods are. */
export function secretNamespace({ objects }: Context, gateway: ObjectOf<"IstioGateway">, name: string): string {
  const namespaces = [
    ...entriesOf(objects, gateway).map(({ metadata }) => metadata.namespace),
    gateway.metadata.namespace,
  ];
  return namespaces.find((each) => objects.get("Secret", each, name) !== undefined) ?? namespaces[0]!;
}

function readHost(gateway: ObjectOf<"IstioGateway">, text: string, field: string, say: Say): ServerHost[] {
  const [first = "", second] = text.split("/");
  const host = second ?? first;
  const hostname = host === "*" ? "" : host.toLowerCase();
  if (hostname !== "" && !forms.hostname.holds(hostname)) {
    say("error", field, `must be ${forms.hostname.says}, not "${host}": left out`);
    return [];
  }
  const any = second === undefined || first === "*";
  return [{ hostname, namespace: any ? undefined : first === "." ? gateway.metadata.namespace : first }];
}

/** Notes the certificates of a server. */
export function addServerCertificates(
  context: Context,
  { gateway, index, spec, scheme, hosts, clients }: Server,
): void {
  if (scheme !== Scheme.HTTPS) return;
  const say = sayAbout(context, gateway);
  const names = credentialNames(spec.tls);
  const field = `spec.servers[${index}].tls`;
  if (names.length === 0) {
    const what = spec.tls?.serverCertificate === undefined ? "names no certificate" : "its certificate is a file";
    say("info", field, `${what}: the edge presents its own`);
  }
  const hostnames = hosts.some(({ hostname }) => hostname === "") ? [] : hosts.map(({ hostname }) => hostname);
  const { namespace, name } = gateway.metadata;
  const listener = { kind: "IstioGateway", namespace, name, part: `${index}` };
  for (const each of names) {
    const secret = { namespace: secretNamespace(context, gateway, each), name: each };
    const refuse = (reason: string) => say("error", `${field}.credentialName`, reason);
    addCertificate(context, secret, { hostnames, listener, ...(clients && { clients }) }, refuse, "any");
  }
}

/** The Services in front of a Gateway's pods: those that select no pods but such as the Gateway selects. */
export function entriesOf(objects: ObjectIndex, gateway: ObjectOf<"IstioGateway">): ObjectOf<"Service">[] {
  return objects.all("Service").filter((service) => isEntry(service, gateway));
}

/** Where a Gateway's pods are: where the Services in front of them are, or the Gateway itself if there are none. */
export function podNamespaces(gateway: ObjectOf<"IstioGateway">, entries: readonly ObjectOf<"Service">[]): string[] {
  const known = new Set(entries.map(({ metadata }) => metadata.namespace));
  return known.size === 0 ? [gateway.metadata.namespace] : [...known];
}

export function isEntry({ spec }: ObjectOf<"Service">, gateway: ObjectOf<"IstioGateway">): boolean {
  const wanted = Object.entries(gateway.spec.selector);
  return wanted.length > 0 && wanted.every(([key, value]) => spec.selector[key] === value);
}

/** Whether a server listens behind a Service's port: Istio takes the number of either side. */
export function listensOn({ spec }: Server, { port, targetPort }: ServicePort): boolean {
  return spec.port.number === port || spec.port.number === targetPort;
}
