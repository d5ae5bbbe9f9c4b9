import type { ObjectOf } from "../../objects/object.ts";
import type { Form } from "../annotations.ts";
import { flag, integer, oneOf, textOf } from "../annotations.ts";
import type { FilterInit } from "../context.ts";
import type { OriginHint, Reference } from "../origin.ts";
import type { BackendPolicies, HealthCheckInit } from "../service-policies.ts";
import { sticky } from "./aws-origin.ts";
import { corsFilter } from "./cors.ts";
import type { CallPolicies, Reading } from "./dialect.ts";
import { annotationOf, sayOf, valueOf } from "./dialect.ts";
import type { CodeRange } from "./health-checks.ts";
import { codeRanges, isMethodPath } from "./health-checks.ts";

/** What Alibaba calls a server group: how its servers are spoken to, checked and chosen; and limits. */

export const SERVER_GROUP_ANNOTATIONS = [
  "backend-protocol",
  "healthcheck-enabled",
  "healthcheck-protocol",
  "healthcheck-path",
  "healthcheck-method",
  "healthcheck-httpversion",
  "healthcheck-httpcode",
  "healthcheck-code",
  "healthcheck-timeout-seconds",
  "healthcheck-interval-seconds",
  "healthy-threshold-count",
  "unhealthy-threshold-count",
  "healthcheck-connect-port",
  "backend-scheduler",
  "backend-scheduler-uch-value",
  "sticky-session",
  "sticky-session-type",
  "cookie-timeout",
  "traffic-limit-qps",
  "traffic-limit-ip-qps",
] as const;

const protocols: Form<OriginHint> = oneOf(
  new Map<string, OriginHint>([
    ["http", { protocol: "http1", tls: false }],
    ["https", { protocol: "http1", tls: true }],
    ["grpc", { protocol: "grpc", tls: false }],
  ]),
);

export function alibabaReference(reading: Reading): Reference {
  const hint = valueOf(reading, "backend-protocol", protocols) ?? {};
  const policies: BackendPolicies = {
    ...healthCheckOf(reading, hint.protocol === "grpc"),
    ...schedulerOf(reading),
  };
  return { ...hint, ...(Object.keys(policies).length > 0 && { policies }) };
}

const path = textOf("a path", (value) => /^\/\S*$/.test(value));
const checkProtocols = oneOf(
  new Map([
    ["HTTP", "http"],
    ["HTTPS", "http"],
    ["TCP", "tcp"],
    ["GRPC", "grpc"],
  ]),
);
const methods = oneOf(new Map(["HEAD", "GET", "POST"].map((method) => [method, method])));
const versions = oneOf(new Map(["HTTP1.0", "HTTP1.1"].map((version) => [version, version])));
const classes: Form<CodeRange[]> = {
  says: "http_2xx to http_5xx, with commas between them",
  read: (value) => {
    const ranges = value.split(",").map((each) => {
      const [, digit] = /^http_([2-5])xx$/.exec(each.trim()) ?? [];
      return digit === undefined ? undefined : { first: Number(digit) * 100, last: Number(digit) * 100 + 99 };
    });
    return ranges.every((range) => range !== undefined) ? ranges : undefined;
  },
};

/** As the dictionary has them: for GRPC code 0, otherwise HEAD / and http_2xx. */
function healthCheckOf(reading: Reading, isGrpc: boolean): Pick<BackendPolicies, "healthCheck"> {
  const read = <T>(name: string, form: Form<T>) => valueOf(reading, name, form);
  const isEnabled = read("healthcheck-enabled", flag) ?? false;
  const protocol = read("healthcheck-protocol", checkProtocols) ?? (isGrpc ? "grpc" : "http");
  const codes = protocol === "grpc" ? codeRanges(0, 99) : classes;
  const wanted = {
    path: read("healthcheck-path", path),
    method: read("healthcheck-method", methods),
    codes: read("healthcheck-code", codes) ?? read("healthcheck-httpcode", codes),
    timeout: read("healthcheck-timeout-seconds", integer(1, 300)) ?? 5,
    interval: read("healthcheck-interval-seconds", integer(1, 50)) ?? 2,
    healthy: read("healthy-threshold-count", integer(2, 10)) ?? 3,
    unhealthy: read("unhealthy-threshold-count", integer(2, 10)) ?? 3,
    port: read("healthcheck-connect-port", integer(0, 65_535)) ?? 0,
  };
  if (read("healthcheck-httpversion", versions) === "HTTP1.0")
    sayOf(reading, "healthcheck-httpversion", "info", "checks are made as calls are, never by HTTP/1.0");
  if (!isEnabled) return {};
  return {
    healthCheck: {
      check: checkOf(reading, protocol, wanted),
      port: wanted.port,
      intervalMs: wanted.interval * 1000,
      timeoutMs: wanted.timeout * 1000,
      healthyThreshold: wanted.healthy,
      unhealthyThreshold: wanted.unhealthy,
    },
  };
}

function checkOf(
  reading: Reading,
  protocol: string,
  wanted: {
    readonly path: string | undefined;
    readonly method: string | undefined;
    readonly codes: CodeRange[] | undefined;
  },
): HealthCheckInit["check"] {
  if (protocol === "tcp") return { case: "tcp", value: {} };
  if (protocol === "grpc") {
    // Without a method of its own it is gRPC's health service that is asked.
    if (wanted.path === undefined) return { case: "grpc", value: {} };
    if (isMethodPath(wanted.path))
      return { case: "grpc", value: { path: wanted.path, codes: wanted.codes ?? [{ first: 0, last: 0 }] } };
    const reason = `must be "/package.Service/Method" for GRPC, not "${wanted.path}": gRPC's health service is asked`;
    sayOf(reading, "healthcheck-path", "error", reason);
    return { case: "grpc", value: {} };
  }
  const statuses = wanted.codes ?? [{ first: 200, last: 299 }];
  return { case: "http", value: { path: wanted.path ?? "/", method: wanted.method ?? "HEAD", statuses } };
}

type Scheduler = NonNullable<Exclude<BackendPolicies["loadBalancing"], { $typeName: string }>>["policy"];
const schedulers: Form<Scheduler> = oneOf(
  new Map<string, Scheduler>([
    ["wrr", { case: "roundRobin", value: {} }],
    ["wlc", { case: "leastRequest", value: {} }],
    ["sch", { case: "consistentHash", value: { key: { case: "source", value: true } } }],
    ["uch", { case: "consistentHash", value: {} }],
  ]),
);
const paramName = textOf("the name of a query parameter", (value) => /^\S{1,256}$/.test(value));

function schedulerOf(reading: Reading): Pick<BackendPolicies, "loadBalancing"> {
  const policy = valueOf(reading, "backend-scheduler", schedulers);
  if (policy === undefined) return {};
  if (annotationOf(reading, "backend-scheduler") !== "uch") return { loadBalancing: { policy } };
  const name = valueOf(reading, "backend-scheduler-uch-value", paramName);
  if (name !== undefined) {
    return {
      loadBalancing: { policy: { case: "consistentHash", value: { key: { case: "queryParam", value: name } } } },
    };
  }
  sayOf(reading, "backend-scheduler", "error", "uch needs backend-scheduler-uch-value: ignored");
  return {};
}

const sessionTypes = oneOf(new Map(["Insert", "Server"].map((type) => [type, type])));

export function alibabaPolicies(reading: Reading, _service: ObjectOf<"Service">): CallPolicies {
  const type = valueOf(reading, "sticky-session-type", sessionTypes) ?? "Insert";
  const seconds = valueOf(reading, "cookie-timeout", integer(1, 86_400)) ?? 1000;
  if (valueOf(reading, "sticky-session", flag) !== true) return {};
  if (type === "Server") {
    const reason = "Server: sessions have a cookie of the edge's own, as with Insert, and not the application's";
    sayOf(reading, "sticky-session-type", "warning", reason);
  }
  return sticky("SERVERID", seconds);
}

/** CORS, and limits of calls a second, of all and of each caller. */
export function alibabaGuards(reading: Reading): FilterInit[] {
  const limit = (name: string, bySource: boolean): FilterInit[] => {
    const calls = valueOf(reading, name, integer(1, 100_000));
    if (calls === undefined) return [];
    const value = { calls, periodMs: 1000, ...(bySource && { key: { case: "source" as const, value: true } }) };
    return [{ filter: { case: "rateLimit", value } }];
  };
  return [
    ...corsFilter(reading, 172_800),
    ...limit("traffic-limit-qps", false),
    ...limit("traffic-limit-ip-qps", true),
  ];
}
