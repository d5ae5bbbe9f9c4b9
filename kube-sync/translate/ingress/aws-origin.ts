import type { ServicePort } from "../../objects/core.ts";
import type { ObjectOf } from "../../objects/object.ts";
import type { Form } from "../annotations.ts";
import { integer, oneOf, textOf } from "../annotations.ts";
import type { OriginHint, Reference } from "../origin.ts";
import type { BackendPolicies, HealthCheckInit } from "../service-policies.ts";
import type { CallPolicies, Reading } from "./dialect.ts";
import { annotationOf, sayOf, valueOf } from "./dialect.ts";
import { codeRanges, isMethodPath } from "./health-checks.ts";

/** What AWS calls a target group: how its targets are spoken to, checked and chosen. Services come before Ingresses. */

export const TARGET_GROUP_ANNOTATIONS = [
  "backend-protocol-version",
  "backend-protocol",
  "healthcheck-path",
  "healthcheck-port",
  "healthcheck-protocol",
  "healthcheck-interval-seconds",
  "healthcheck-timeout-seconds",
  "healthy-threshold-count",
  "unhealthy-threshold-count",
  "success-codes",
  "target-group-attributes",
] as const;

const versions: Form<OriginHint["protocol"]> = oneOf(
  new Map([
    ["HTTP1", "http1"],
    ["HTTP2", "http2"],
    ["GRPC", "grpc"],
  ]),
);
const protocols = oneOf(
  new Map([
    ["HTTP", false],
    ["HTTPS", true],
  ]),
);

export function awsReference(reading: Reading, service: ObjectOf<"Service">, port: ServicePort): Reference {
  const protocol = valueOf(reading, "backend-protocol-version", versions, service);
  const tls = valueOf(reading, "backend-protocol", protocols, service);
  if (/^grpc$/i.test(annotationOf(reading, "backend-protocol") ?? ""))
    sayOf(reading, "backend-protocol", "info", "gRPC is backend-protocol-version: GRPC");
  const policies: BackendPolicies = {
    ...healthCheckOf(reading, service, protocol === "grpc", port),
    ...loadBalancingOf(attributesOf(reading, service)),
  };
  return { protocol, tls, ...(Object.keys(policies).length > 0 && { policies }) };
}

const path = textOf("a path", (value) => /^\/\S*$/.test(value));
const checkPort: Form<string> = textOf("a port, its name or traffic-port", (value) =>
  /^(\d{1,5}|[a-z0-9]([a-z0-9-]*[a-z0-9])?)$/.test(value),
);

/** As they are for an Ingress, where one of the annotations asks for checks at all: an ALB makes them in any case. */
function healthCheckOf(
  reading: Reading,
  service: ObjectOf<"Service">,
  isGrpc: boolean,
  port: ServicePort,
): Pick<BackendPolicies, "healthCheck"> {
  const read = <T>(name: string, form: Form<T>) => valueOf(reading, name, form, service);
  const wanted = {
    path: read("healthcheck-path", path),
    port: read("healthcheck-port", checkPort),
    protocol: read("healthcheck-protocol", protocols),
    interval: read("healthcheck-interval-seconds", integer(5, 300)),
    timeout: read("healthcheck-timeout-seconds", integer(2, 120)),
    healthy: read("healthy-threshold-count", integer(2, 10)),
    unhealthy: read("unhealthy-threshold-count", integer(2, 10)),
    codes: read("success-codes", isGrpc ? codeRanges(0, 99) : codeRanges(200, 499)),
  };
  if (Object.values(wanted).every((value) => value === undefined)) return {};
  if (wanted.protocol !== undefined)
    sayOf(reading, "healthcheck-protocol", "info", "checks are made as calls are: over TLS if these are");
  let where = wanted.path ?? (isGrpc ? "/AWS.ALB/healthcheck" : "/");
  if (isGrpc && !isMethodPath(where)) {
    sayOf(reading, "healthcheck-path", "error", `must be "/package.Service/Method" for GRPC, not "${where}": ignored`);
    where = "/AWS.ALB/healthcheck";
  }
  const check: HealthCheckInit["check"] = isGrpc
    ? { case: "grpc", value: { path: where, codes: wanted.codes ?? [{ first: 12, last: 12 }] } }
    : { case: "http", value: { path: where, statuses: wanted.codes ?? [{ first: 200, last: 200 }] } };
  return {
    healthCheck: {
      check,
      port: portNumber(service, wanted.port, port),
      intervalMs: (wanted.interval ?? 15) * 1000,
      timeoutMs: (wanted.timeout ?? 5) * 1000,
      healthyThreshold: wanted.healthy ?? 2,
      unhealthyThreshold: wanted.unhealthy ?? 2,
    },
  };
}

/** 0: where calls go. */
function portNumber({ spec }: ObjectOf<"Service">, wanted: string | undefined, own: ServicePort): number {
  if (wanted === undefined || wanted === "traffic-port" || wanted === own.name || wanted === `${own.port}`) return 0;
  if (/^\d+$/.test(wanted)) return Math.min(Number(wanted), 65_535);
  return spec.ports.find(({ name }) => name === wanted)?.port ?? 0;
}

/** "stickiness.enabled=true,slow_start.duration_seconds=30" */
const stringMap: Form<ReadonlyMap<string, string>> = {
  says: 'a list such as "stickiness.enabled=true,slow_start.duration_seconds=30"',
  read: (value) => {
    const pairs = value.split(",").map((pair) => /^\s*([^=\s]+)=(.*?)\s*$/.exec(pair));
    return pairs.every((pair) => pair !== null) ? new Map(pairs.map(([, key, text]) => [key!, text!])) : undefined;
  },
};

const CARRIED =
  /^(stickiness\.(enabled|type|lb_cookie\.duration_seconds|app_cookie\.(cookie_name|duration_seconds))|slow_start\.duration_seconds|load_balancing\.algorithm\.type)$/;

function attributesOf(reading: Reading, service: ObjectOf<"Service">): ReadonlyMap<string, string> {
  const attributes = valueOf(reading, "target-group-attributes", stringMap, service) ?? new Map<string, string>();
  const others = [...attributes.keys()].filter((key) => !CARRIED.test(key));
  if (others.length > 0) sayOf(reading, "target-group-attributes", "info", `${others.join(", ")}: not read`);
  return attributes;
}

function loadBalancingOf(attributes: ReadonlyMap<string, string>): Pick<BackendPolicies, "loadBalancing"> {
  const slowStartMs = secondsOf(attributes.get("slow_start.duration_seconds")) * 1000;
  const algorithm = attributes.get("load_balancing.algorithm.type");
  if (slowStartMs === 0 && algorithm === undefined) return {};
  const policy =
    algorithm === "least_outstanding_requests"
      ? { case: "leastRequest" as const, value: {} }
      : { case: "roundRobin" as const, value: {} };
  return { loadBalancing: { policy, slowStartMs } };
}

function secondsOf(value: string | undefined): number {
  return value !== undefined && /^\d{1,6}$/.test(value) ? Number(value) : 0;
}

const DAY_SECONDS = 86_400;

/** Stickiness by a cookie of the load balancer's, or with the duration of one of the application's. */
export function awsPolicies(reading: Reading, service: ObjectOf<"Service">): CallPolicies {
  const attributes = attributesOf(reading, service);
  if (attributes.get("stickiness.enabled") !== "true") return {};
  const isOfApp = attributes.get("stickiness.type") === "app_cookie";
  const name = isOfApp ? `AWSALBAPP-${attributes.get("stickiness.app_cookie.cookie_name") ?? "0"}` : "AWSALB";
  if (isOfApp) {
    const reason = "app_cookie: sessions begin with the first call, not with the application's own cookie";
    sayOf(reading, "target-group-attributes", "info", reason);
  }
  const seconds = attributes.get(`stickiness.${isOfApp ? "app_cookie" : "lb_cookie"}.duration_seconds`);
  return sticky(name, secondsOf(seconds) || DAY_SECONDS);
}

export function sticky(cookie: string, seconds: number): CallPolicies {
  return { session: { carrier: { case: "cookie", value: cookie }, absoluteTimeoutSeconds: seconds, permanent: true } };
}
