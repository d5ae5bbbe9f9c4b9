import { milliseconds } from "./durations.ts";
import type { Reader, ReadOf } from "./read.ts";
import {
  anything,
  boolean,
  checked,
  either,
  integer,
  listOrEmpty,
  list,
  mapOf,
  number,
  object,
  oneOf,
  optional,
  part,
  port,
  string,
} from "./read.ts";

/** github.com/istio/api, networking/v1alpha3: gateway.proto, virtual_service.proto, destination_rule.proto. */

export const ISTIO_GROUP = "networking.istio.io";
export const ISTIO_VERSIONS = ["v1", "v1beta1", "v1alpha3"] as const;

const server = object({
  name: optional(string),
  port: object({ number: port, protocol: string, name: either(string, ""), targetPort: optional(anything) }),
  bind: optional(anything),
  hosts: list(string),
  tls: optional(
    part({
      httpsRedirect: either(boolean, false),
      mode: optional(oneOf("PASSTHROUGH", "SIMPLE", "MUTUAL", "AUTO_PASSTHROUGH", "ISTIO_MUTUAL", "OPTIONAL_MUTUAL")),
      credentialName: optional(string),
      credentialNames: listOrEmpty(string),
      serverCertificate: optional(string),
      caCertCredentialName: optional(string),
      subjectAltNames: listOrEmpty(string),
    }),
  ),
  defaultEndpoint: optional(anything),
});

/** networking.istio.io/v1 Gateway. */
export const istioGateway = part({
  spec: object({ selector: either(mapOf(string), {}), servers: listOrEmpty(server) }),
});

const MATCHES = ["exact", "prefix", "regex"] as const;

/** A StringMatch; an empty one stands for presence where that is allowed. */
const stringMatch = checked(
  object({ exact: optional(string), prefix: optional(string), regex: optional(string) }),
  (value) =>
    MATCHES.filter((name) => value[name] !== undefined).length > 1
      ? { reason: "must have one of exact, prefix and regex" }
      : undefined,
);

const httpMatch = object({
  name: optional(string),
  uri: optional(stringMatch),
  ignoreUriCase: either(boolean, false),
  scheme: optional(stringMatch),
  method: optional(stringMatch),
  authority: optional(stringMatch),
  headers: either(mapOf(stringMatch), {}),
  withoutHeaders: either(mapOf(stringMatch), {}),
  queryParams: either(mapOf(stringMatch), {}),
  port: optional(port),
  gateways: listOrEmpty(string),
  sourceLabels: either(mapOf(string), {}),
  sourceNamespace: optional(string),
  statPrefix: optional(string),
});

const headerOperations = object({
  set: either(mapOf(string), {}),
  add: either(mapOf(string), {}),
  remove: listOrEmpty(string),
});

const headers = object({ request: optional(headerOperations), response: optional(headerOperations) });

const destination = object({
  host: string,
  subset: optional(string),
  port: optional(object({ number: port })),
});

const weighted = object({
  destination,
  weight: either(integer(0, 1_000_000), 0),
  headers: optional(headers),
});

const rewrite = object({
  uri: optional(string),
  authority: optional(string),
  uriRegexRewrite: optional(object({ match: string, rewrite: string })),
});

const redirect = object({
  uri: optional(string),
  authority: optional(string),
  port: optional(port),
  derivePort: optional(oneOf("FROM_PROTOCOL_DEFAULT", "FROM_REQUEST_PORT")),
  scheme: optional(string),
  redirectCode: either(integer(0, 999), 301),
});

const directResponse = object({
  status: integer(200, 599),
  body: optional(object({ string: optional(string), bytes: optional(string) })),
});

const corsPolicy = object({
  allowOrigins: listOrEmpty(stringMatch),
  allowOrigin: listOrEmpty(string),
  allowMethods: listOrEmpty(string),
  allowHeaders: listOrEmpty(string),
  exposeHeaders: listOrEmpty(string),
  maxAge: optional(string),
  allowCredentials: either(boolean, false),
  unmatchedPreflights: optional(string),
});

/** A protobuf or Go duration, in milliseconds. */
const duration: Reader<number> = (value, field, problems) => {
  const text = string(value, field, problems);
  const ms = milliseconds(text);
  if (typeof value === "string" && ms === undefined)
    problems.push({ level: "error", field, reason: `must be a duration such as "10s", not "${text}"` });
  return ms ?? 0;
};

/** 0 to 100, with a fraction or not. */
const percent = object({
  value: checked(number, (value) =>
    value < 0 || value > 100 ? { reason: `must be from 0 to 100, not ${value}` } : undefined,
  ),
});

const retries = object({
  attempts: optional(integer(0, 2_147_483_647)),
  perTryTimeout: optional(duration),
  retryOn: either(string, ""),
  retryRemoteLocalities: optional(anything),
  retryIgnorePreviousHosts: optional(anything),
  backoff: optional(duration),
});

const fault = object({
  delay: optional(
    object({
      fixedDelay: optional(duration),
      exponentialDelay: optional(duration),
      percentage: optional(percent),
      percent: optional(integer(0, 100)),
    }),
  ),
  abort: optional(
    object({
      httpStatus: optional(integer(200, 599)),
      grpcStatus: optional(string),
      http2Error: optional(string),
      percentage: optional(percent),
    }),
  ),
});

const httpRoute = object({
  name: optional(string),
  match: listOrEmpty(httpMatch),
  route: listOrEmpty(weighted),
  redirect: optional(redirect),
  directResponse: optional(directResponse),
  delegate: optional(object({ name: string, namespace: optional(string) })),
  rewrite: optional(rewrite),
  timeout: optional(duration),
  retries: optional(retries),
  fault: optional(fault),
  mirror: optional(destination),
  mirrors: listOrEmpty(object({ destination, percentage: optional(percent) })),
  mirrorPercent: optional(integer(0, 100)),
  mirrorPercentage: optional(percent),
  corsPolicy: optional(corsPolicy),
  headers: optional(headers),
});

/** networking.istio.io/v1 VirtualService. */
export const virtualService = part({
  spec: object({
    hosts: listOrEmpty(string),
    gateways: listOrEmpty(string),
    http: listOrEmpty(httpRoute),
    tls: optional(anything),
    tcp: optional(anything),
    exportTo: listOrEmpty(string),
  }),
});

const tls = part({
  insecureSkipVerify: either(boolean, false),
  subjectAltNames: listOrEmpty(string),
  mode: either(oneOf("DISABLE", "SIMPLE", "MUTUAL", "ISTIO_MUTUAL"), "DISABLE"),
  clientCertificate: optional(string),
  caCertificates: optional(string),
  credentialName: optional(string),
  sni: optional(string),
});

const count = integer(0, 2_147_483_647);

const loadBalancer = part({
  simple: optional(string),
  consistentHash: optional(
    part({
      httpHeaderName: optional(string),
      httpCookie: optional(part({ name: string })),
      useSourceIp: either(boolean, false),
      httpQueryParameterName: optional(string),
    }),
  ),
  localityLbSetting: optional(anything),
  warmupDurationSecs: optional(duration),
  warmup: optional(part({ duration: optional(duration) })),
});

const connectionPool = part({
  tcp: optional(
    object({
      maxConnections: optional(count),
      connectTimeout: optional(duration),
      tcpKeepalive: optional(anything),
      maxConnectionDuration: optional(anything),
      idleTimeout: optional(anything),
    }),
  ),
  http: optional(
    object({
      http1MaxPendingRequests: optional(count),
      http2MaxRequests: optional(count),
      maxRequestsPerConnection: optional(anything),
      maxRetries: optional(anything),
      idleTimeout: optional(anything),
      h2UpgradePolicy: optional(anything),
      useClientProtocol: optional(anything),
      maxConcurrentStreams: optional(anything),
    }),
  ),
});

const outlierDetection = object({
  consecutiveErrors: optional(count),
  consecutive5xxErrors: optional(count),
  consecutiveGatewayErrors: optional(count),
  interval: optional(duration),
  baseEjectionTime: optional(duration),
  maxEjectionPercent: optional(integer(0, 100)),
  minHealthPercent: optional(anything),
  splitExternalLocalOriginErrors: optional(anything),
  consecutiveLocalOriginFailures: optional(anything),
});

const settings = {
  tls: optional(tls),
  loadBalancer: optional(loadBalancer),
  connectionPool: optional(connectionPool),
  outlierDetection: optional(outlierDetection),
};

const trafficPolicy = part({
  ...settings,
  portLevelSettings: listOrEmpty(part({ port: optional(part({ number: port })), ...settings })),
});

/** networking.istio.io/v1 DestinationRule. */
export const destinationRule = part({
  spec: part({
    host: string,
    subsets: listOrEmpty(
      object({ name: string, labels: either(mapOf(string), {}), trafficPolicy: optional(trafficPolicy) }),
    ),
    trafficPolicy: optional(trafficPolicy),
  }),
});

export type IstioServer = ReadOf<typeof server>;
export type IstioStringMatch = ReadOf<typeof stringMatch>;
export type IstioHttpMatch = ReadOf<typeof httpMatch>;
export type IstioHttpRoute = ReadOf<typeof httpRoute>;
export type IstioHeaders = ReadOf<typeof headers>;
export type IstioDestination = ReadOf<typeof destination>;
export type IstioSettings = Pick<IstioTrafficPolicy, keyof typeof settings>;
type IstioTrafficPolicy = ReadOf<typeof trafficPolicy>;
