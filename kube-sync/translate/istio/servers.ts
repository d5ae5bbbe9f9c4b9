import { Scheme } from "../../../proto/gen/edgeway/v1/table_pb.js";
import { forms } from "../../../routes/syntax.ts";
import type { ServicePort } from "../../objects/core.ts";
import type { IstioServer } from "../../objects/istio.ts";
import type { ObjectOf } from "../../objects/object.ts";
import { addCertificate } from "../certificates.ts";
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
    const refused = scheme === Scheme.HTTPS ? REFUSED_MODES.get(mode) : undefined;
    if (refused !== undefined) {
      say("error", `${field}.tls.mode`, `${mode}: ${refused}: not served`);
      return [];
    }
    if (mode === "OPTIONAL_MUTUAL") say("warning", `${field}.tls.mode`, "client certificates are not asked for yet");
    const hosts = spec.hosts.flatMap((host, i) => readHost(gateway, host, `${field}.hosts[${i}]`, say));
    return [{ gateway, index, spec, scheme, hosts }];
  });
}

/** The edge cannot ask for client certificates yet, and to serve without them would let everyone in. */
const REFUSED_MODES: ReadonlyMap<string, string> = new Map([
  ["PASSTHROUGH", "the edge ends TLS"],
  ["AUTO_PASSTHROUGH", "the edge ends TLS"],
  ["MUTUAL", "client certificates are not supported yet"],
  ["ISTIO_MUTUAL", "the edge is no part of the mesh"],
]);

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

/** Notes the certificates of a server; Istio reads their Secrets where the gateway's pods are. */
export function addServerCertificates(context: Context, { gateway, index, spec, scheme, hosts }: Server): void {
  if (scheme !== Scheme.HTTPS) return;
  const say = sayAbout(context, gateway);
  const { tls } = spec;
  const names = [...(tls?.credentialName === undefined ? [] : [tls.credentialName]), ...(tls?.credentialNames ?? [])];
  const field = `spec.servers[${index}].tls`;
  if (names.length === 0) {
    const inFiles = tls?.serverCertificate !== undefined;
    say(
      "info",
      field,
      inFiles
        ? "its certificate is a file: the edge presents its own"
        : "names no certificate: the edge presents its own",
    );
  }
  const namespaces = [
    ...entriesOf(context.objects, gateway).map(({ metadata }) => metadata.namespace),
    gateway.metadata.namespace,
  ];
  const hostnames = hosts.some(({ hostname }) => hostname === "") ? [] : hosts.map(({ hostname }) => hostname);
  for (const name of names) {
    const namespace = namespaces.find((each) => context.objects.get("Secret", each, name)) ?? namespaces[0]!;
    addCertificate(
      context,
      { namespace, name },
      hostnames,
      (reason) => say("error", `${field}.credentialName`, reason),
      "any",
    );
  }
}

/** The Services in front of a Gateway's pods: those that select no pods but such as the Gateway selects. */
export function entriesOf(objects: ObjectIndex, gateway: ObjectOf<"IstioGateway">): ObjectOf<"Service">[] {
  return objects.all("Service").filter((service) => isEntry(service, gateway));
}

export function isEntry({ spec }: ObjectOf<"Service">, gateway: ObjectOf<"IstioGateway">): boolean {
  const wanted = Object.entries(gateway.spec.selector);
  return wanted.length > 0 && wanted.every(([key, value]) => spec.selector[key] === value);
}

/** Whether a server listens behind a Service's port: Istio takes the number of either side. */
export function listensOn({ spec }: Server, { port, targetPort }: ServicePort): boolean {
  return spec.port.number === port || spec.port.number === targetPort;
}
