import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  CircuitBreakerSchema,
  HealthCheckSchema,
  LoadBalancingSchema,
} from "../../proto/gen/edgeway/v1/policy_pb.js";
import type { BackendSchema } from "../../proto/gen/edgeway/v1/table_pb.js";
import { Transport } from "../../proto/gen/edgeway/v1/table_pb.js";
import { forms, locationHints } from "../../routes/syntax.ts";
import type { ObjectOf } from "../objects/object.ts";
import type { Form } from "./annotations.ts";
import { Annotations, duration, integer, oneOf } from "./annotations.ts";
import type { Say } from "./context.ts";

/** How a backend's endpoints are chosen, checked and spared, as the table has it. */
export type BackendPolicies = Pick<
  Exclude<MessageInitShape<typeof BackendSchema>, { $typeName: string }>,
  | "loadBalancing"
  | "healthCheck"
  | "outlierDetection"
  | "circuitBreaker"
  | "connectTimeoutMs"
  | "transport"
  | "locationHint"
>;

type LoadBalancingInit = Exclude<MessageInitShape<typeof LoadBalancingSchema>, { $typeName: string }>;
export type HealthCheckInit = Exclude<MessageInitShape<typeof HealthCheckSchema>, { $typeName: string }>;
type Hash = Extract<LoadBalancingInit["policy"], { case?: "consistentHash" }>;

/** What a Service asks for by annotation; fields of which it says nothing are absent. */
export function servicePolicies(service: ObjectOf<"Service">, say: Say): BackendPolicies {
  const annotations = new Annotations(service, say);
  const policies = {
    loadBalancing: loadBalancingOf(annotations),
    healthCheck: annotations.get("health-check", healthCheck),
    circuitBreaker: circuitBreakerOf(annotations),
    connectTimeoutMs: annotations.get("connect-timeout", duration),
    transport: annotations.get("transport", oneOf(TRANSPORTS)),
    locationHint: annotations.get("location-hint", oneOf(LOCATION_HINTS)),
  };
  return Object.fromEntries(Object.entries(policies).filter(([, value]) => value !== undefined));
}

const TRANSPORTS: ReadonlyMap<string, Transport> = new Map([
  ["vpc-network", Transport.VPC_NETWORK],
  ["fetch", Transport.FETCH],
  ["grpc-web-convert", Transport.GRPC_WEB_CONVERT],
]);

const LOCATION_HINTS: ReadonlyMap<string, string> = new Map(locationHints.map((hint) => [hint, hint]));

const BALANCERS: ReadonlyMap<string, LoadBalancingInit["policy"]> = new Map<string, LoadBalancingInit["policy"]>([
  ["least-request", { case: "leastRequest", value: {} }],
  ["round-robin", { case: "roundRobin", value: {} }],
  ["consistent-hash", { case: "consistentHash", value: { key: { case: "source", value: true } } }],
]);

/** "header:NAME", "cookie:NAME", "query:NAME" or "source". */
const hashOn: Form<Hash> = {
  says: '"source", or "header:", "cookie:" or "query:" and a name',
  read: (value) => {
    if (value === "source") return { case: "consistentHash", value: { key: { case: "source", value: true } } };
    const [, kind, name = ""] = /^(header|cookie|query):(.+)$/.exec(value) ?? [];
    if (kind === "header" && forms.headerName.holds(name.toLowerCase()))
      return { case: "consistentHash", value: { key: { case: "header", value: name.toLowerCase() } } };
    if (kind === "cookie" && forms.cookieName.holds(name))
      return { case: "consistentHash", value: { key: { case: "cookie", value: name } } };
    if (kind === "query" && forms.paramName.holds(name))
      return { case: "consistentHash", value: { key: { case: "queryParam", value: name } } };
    return undefined;
  },
};

function loadBalancingOf(annotations: Annotations): LoadBalancingInit | undefined {
  const balancer = annotations.get("load-balancing", oneOf(BALANCERS));
  const hash = annotations.get("hash-on", hashOn);
  const slowStartMs = annotations.get("slow-start", duration);
  if (hash !== undefined && balancer !== undefined && balancer?.case !== "consistentHash") {
    annotations.wrong("hash-on", "means nothing beside that edgeway.dev/load-balancing");
  }
  const policy = balancer === undefined || balancer.case === "consistentHash" ? (hash ?? balancer) : balancer;
  if (policy === undefined && slowStartMs === undefined) return undefined;
  return { ...(policy && { policy }), slowStartMs: slowStartMs ?? 0 };
}

/** Of checks that do not say more. */
const CHECK_TIMES = { intervalMs: 10_000, timeoutMs: 3000, healthyThreshold: 2, unhealthyThreshold: 3 };

const healthCheck: Form<HealthCheckInit> = {
  says: '"grpc", "grpc:package.Service", "http:/path" or "tcp"',
  read: (value): HealthCheckInit | undefined => {
    if (value === "tcp") return { ...CHECK_TIMES, check: { case: "tcp", value: {} } };
    if (value === "grpc") return { ...CHECK_TIMES, check: { case: "grpc", value: {} } };
    const [, kind, rest = ""] = /^(grpc|http):(.+)$/.exec(value) ?? [];
    if (kind === "grpc" && forms.segment.holds(rest))
      return { ...CHECK_TIMES, check: { case: "grpc", value: { service: rest } } };
    if (kind === "http" && forms.target.holds(rest))
      return { ...CHECK_TIMES, check: { case: "http", value: { path: rest } } };
    return undefined;
  },
};

const MOST = 1_000_000;

function circuitBreakerOf(annotations: Annotations): MessageInitShape<typeof CircuitBreakerSchema> | undefined {
  const maxConnections = annotations.get("max-connections", integer(1, MOST));
  const maxPending = annotations.get("max-pending", integer(1, MOST));
  const maxCalls = annotations.get("max-calls", integer(1, MOST));
  if (maxConnections === undefined && maxPending === undefined && maxCalls === undefined) return undefined;
  return { maxConnections: maxConnections ?? 0, maxPending: maxPending ?? 0, maxCalls: maxCalls ?? 0 };
}
