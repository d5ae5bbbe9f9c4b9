import { forms, isEndpointHost } from "../../../routes/syntax.ts";
import type { Form } from "../annotations.ts";
import { oneOf, textOf } from "../annotations.ts";
import type { ClientCertificates } from "../certificates.ts";
import { authoritiesOf, pairOf } from "../certificates.ts";
import type { OriginHint, Reference } from "../origin.ts";
import type { OriginTls, OriginTlsInit } from "../origin-tls.ts";
import type { BackendPolicies } from "../service-policies.ts";
import type { Reading } from "./dialect.ts";
import { annotationOf, sayOf, valueOf } from "./dialect.ts";
import { hasTls } from "./targets.ts";

/** How NGINX speaks to an upstream and chooses its servers; and whom it asks for certificates. */

export const UPSTREAM_ANNOTATIONS = [
  "backend-protocol",
  "proxy-connect-timeout",
  "upstream-hash-by",
  "load-balance",
  "proxy-ssl-secret",
  "proxy-ssl-verify",
  "proxy-ssl-name",
  // The edge names the server in any case.
  "proxy-ssl-server-name",
  "auth-tls-secret",
  "auth-tls-verify-client",
] as const;

const protocols: Form<OriginHint> = {
  says: "HTTP, HTTPS, GRPC or GRPCS",
  read: (value) => PROTOCOLS.get(value.toUpperCase()),
};

const PROTOCOLS: ReadonlyMap<string, OriginHint> = new Map(
  Object.entries<OriginHint>({
    HTTP: { protocol: "http1", tls: false },
    HTTPS: { protocol: "http1", tls: true },
    GRPC: { protocol: "grpc", tls: false },
    GRPCS: { protocol: "grpc", tls: true },
  }),
);

export function nginxReference(reading: Reading): Reference {
  const hint = valueOf(reading, "backend-protocol", protocols) ?? {};
  const connect = valueOf(reading, "proxy-connect-timeout", seconds);
  const policies: BackendPolicies = {
    ...(connect !== undefined && { connectTimeoutMs: connect }),
    ...loadBalancingOf(reading),
  };
  const originTls = hint.tls === true ? originTlsOf(reading) : undefined;
  return {
    ...hint,
    ...(Object.keys(policies).length > 0 && { policies }),
    ...(originTls !== undefined && { originTls }),
  };
}

/** Seconds, or a time with NGINX's units, in milliseconds. */
export const seconds: Form<number> = {
  says: 'seconds, such as "60"',
  read: (value) => (/^\d{1,6}s?$/.test(value) ? Number.parseInt(value, 10) * 1000 : undefined),
};

const balancers: Form<NonNullable<LoadBalancing["policy"]>> = oneOf(
  new Map<string, NonNullable<LoadBalancing["policy"]>>([
    ["round_robin", { case: "roundRobin", value: {} }],
    ["ewma", { case: "leastRequest", value: {} }],
  ]),
);

type LoadBalancing = Exclude<NonNullable<BackendPolicies["loadBalancing"]>, { $typeName: string }>;

/** One of NGINX's variables that stands for something of the request that the edge can choose by. */
function loadBalancingOf(reading: Reading): Pick<BackendPolicies, "loadBalancing"> {
  const variable = annotationOf(reading, "upstream-hash-by")?.trim();
  const policy = valueOf(reading, "load-balance", balancers);
  if (variable === undefined) return policy === undefined ? {} : { loadBalancing: { policy } };
  const [, kind, name = ""] = /^\$\{?(http|cookie|arg)_(\w+)\}?$/.exec(variable) ?? [];
  const key =
    kind === "http" && forms.headerName.holds(name.toLowerCase().replaceAll("_", "-"))
      ? { case: "header" as const, value: name.toLowerCase().replaceAll("_", "-") }
      : kind === "cookie"
        ? { case: "cookie" as const, value: name }
        : kind === "arg"
          ? { case: "queryParam" as const, value: name }
          : /^\$\{?(binary_)?remote_addr\}?$/.test(variable)
            ? { case: "source" as const, value: true }
            : undefined;
  if (key !== undefined) return { loadBalancing: { policy: { case: "consistentHash", value: { key } } } };
  const reason = `"${variable}" is not carried, only one of $remote_addr, $http_NAME, $cookie_NAME and $arg_NAME`;
  sayOf(reading, "upstream-hash-by", "warning", reason);
  return {};
}

const onOff = oneOf(
  new Map([
    ["on", true],
    ["off", false],
  ]),
);
const hostName = textOf("a lower-case host name", isEndpointHost);

/** NGINX verifies nothing unless it is told to; the edge verifies unless it is told not to. */
function originTlsOf(reading: Reading): OriginTls | undefined {
  const secret = annotationOf(reading, "proxy-ssl-secret");
  const verify = valueOf(reading, "proxy-ssl-verify", onOff);
  const serverName = valueOf(reading, "proxy-ssl-name", hostName);
  if (secret === undefined && verify !== false && serverName === undefined) return undefined;
  const tls: OriginTlsInit = { serverName: serverName ?? "", insecure: verify === false };
  if (verify === false)
    sayOf(reading, "proxy-ssl-verify", "warning", "off: whoever is between the edge and the origin may pose as it");
  if (secret === undefined) return { tls };
  const fail = (reason: string): OriginTls => {
    sayOf(reading, "proxy-ssl-secret", "error", `${reason}: its Services get no calls`);
    return { invalid: reason };
  };
  const name = secretOf(reading, secret);
  if (typeof name === "string") return fail(name);
  const { objects } = reading.context;
  const pair = pairOf(objects, name, "any");
  if ("wrong" in pair) return fail(pair.wrong);
  const authorities = authoritiesOf(objects, { kind: "Secret", ...name });
  return {
    tls: {
      ...tls,
      clientCertificate: pair.chainPem,
      clientKey: pair.keyPem,
      caCertificates: "pem" in authorities && verify !== false ? authorities.pem : "",
    },
  };
}

/** "namespace/name", of the Ingress's own namespace; or why it is not. */
function secretOf({ ingress }: Reading, value: string): { namespace: string; name: string } | string {
  const [namespace = "", name = "", ...rest] = value.trim().split("/");
  if (name === "" || rest.length > 0) return `must be "namespace/name", not "${value}"`;
  return namespace === ingress.metadata.namespace
    ? { namespace, name }
    : `Secret ${value} is in another namespace than the Ingress`;
}

const verifications = oneOf(
  new Map([
    ["on", false],
    ["optional", true],
  ]),
);

/** auth-tls-secret: a string where it cannot be done as it says, as then everyone would be let in. */
export function nginxClients(reading: Reading): ClientCertificates | string | undefined {
  const secret = annotationOf(reading, "auth-tls-secret");
  if (secret === undefined) return undefined;
  const fail = (reason: string) => {
    sayOf(reading, "auth-tls-secret", "error", `${reason}: all its paths answer with an error`);
    return `auth-tls-secret: ${reason}`;
  };
  const { context, ingress } = reading;
  const verify = annotationOf(reading, "auth-tls-verify-client");
  const optional = verify === undefined ? false : verifications.read(verify);
  if (optional === undefined) return fail(`auth-tls-verify-client must be on or optional, not "${verify}"`);
  if (annotationOf(reading, "auth-tls-match-cn") !== undefined) return fail("auth-tls-match-cn is not supported");
  if (context.options.pushCertificates !== true)
    return fail("client certificates can be asked for only where certificates are pushed to the edge");
  const isOpen = ingress.spec.rules.some(({ host = "" }) => !hasTls(ingress, host));
  if (isOpen || annotationOf(reading, "ssl-redirect") === "false")
    return fail("it needs spec.tls for each host, and ssl-redirect");
  const name = secretOf(reading, secret);
  if (typeof name === "string") return fail(name);
  const authorities = authoritiesOf(context.objects, { kind: "Secret", ...name });
  return "pem" in authorities ? { caPem: authorities.pem, optional } : fail(authorities.wrong);
}
