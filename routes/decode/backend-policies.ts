/** From the messages of a backend's policies to their checked form; undefined where they ask for nothing. */
import type {
  CircuitBreaker as CircuitBreakerMessage,
  ConsistentHash,
  LoadBalancing as LoadBalancingMessage,
  OriginTls as OriginTlsMessage,
  OutlierDetection as OutlierDetectionMessage,
} from "../../proto/gen/edgeway/v1/policy_pb.js";
import type { Place } from "../issues.ts";
import type { CircuitBreaker, HashKey, LoadBalancing, OriginTls, OutlierDetection } from "../policies.ts";
import { forms, isEndpointHost } from "../syntax.ts";
import { limits, list, refuseUnknown } from "./list.ts";
import { bounded, failures, time } from "./shared.ts";

const leastRequest: LoadBalancing = Object.freeze({ policy: "leastRequest", hash: undefined, slowStartMs: 0 });

export function decodeLoadBalancing(message: LoadBalancingMessage | undefined, parent: Place): LoadBalancing {
  if (message === undefined) return leastRequest;
  const place = parent.at("loadBalancing");
  refuseUnknown(message, place);
  const { policy } = message;
  if (policy.case !== undefined) refuseUnknown(policy.value, place.at(policy.case));
  return Object.freeze({
    policy: policy.case ?? "leastRequest",
    hash: policy.case === "consistentHash" ? decodeHashKey(policy.value, place.at("consistentHash")) : undefined,
    slowStartMs: bounded(message.slowStartMs, 0, limits.ms, place.at("slowStartMs")),
  });
}

const bySource: HashKey = Object.freeze({ kind: "source" });

function decodeHashKey({ key }: ConsistentHash, place: Place): HashKey {
  switch (key.case) {
    case "header":
      return Object.freeze({ kind: "header", name: place.at("header").check(key.value, forms.headerName) });
    case "cookie":
      return Object.freeze({ kind: "cookie", name: place.at("cookie").check(key.value, forms.cookieName) });
    case "queryParam":
      return Object.freeze({ kind: "param", name: place.at("queryParam").check(key.value, forms.paramName) });
    default:
      if (key.case === undefined || !key.value) place.wrong("must have a key");
      return bySource;
  }
}

export function decodeOutlierDetection(
  message: OutlierDetectionMessage | undefined,
  parent: Place,
): OutlierDetection | undefined {
  if (message === undefined) return undefined;
  const place = parent.at("outlierDetection");
  refuseUnknown(message, place);
  return Object.freeze({
    consecutiveFailures: message.consecutiveFailures || 5,
    ...failures(message, place),
    baseEjectionMs: time(message.baseEjectionMs, place.at("baseEjectionMs")) ?? 30_000,
    maxEjectionPercent: bounded(message.maxEjectionPercent, 0, 100, place.at("maxEjectionPercent")) || 10,
  });
}

export function decodeCircuitBreaker(
  message: CircuitBreakerMessage | undefined,
  parent: Place,
): CircuitBreaker | undefined {
  if (message === undefined) return undefined;
  refuseUnknown(message, parent.at("circuitBreaker"));
  const { maxConnections, maxPending, maxCalls } = message;
  if (maxConnections === 0 && maxPending === 0 && maxCalls === 0) return undefined;
  return Object.freeze({
    maxConnections: maxConnections || Infinity,
    maxPending: maxPending || Infinity,
    maxCalls: maxCalls || Infinity,
  });
}

export function decodeOriginTls(message: OriginTlsMessage | undefined, parent: Place): OriginTls | undefined {
  if (message === undefined) return undefined;
  const place = parent.at("originTls");
  refuseUnknown(message, place);
  const { serverName, caCertificates, clientCertificate, clientKey, insecure } = message;
  if (serverName !== "" && !isEndpointHost(serverName))
    place.at("serverName").wrong("must be a lower-case host name or an IP address");
  if (caCertificates !== "") place.at("caCertificates").check(caCertificates, forms.certificates);
  const subjectAltNames = list(message.subjectAltNames, limits.subjectAltNames, place, "subjectAltNames", (name, at) =>
    at.check(name, forms.key),
  );
  const client = decodeClient(clientCertificate, clientKey, place);
  if (serverName === "" && caCertificates === "" && subjectAltNames.length === 0 && client === undefined && !insecure)
    return undefined;
  return Object.freeze({
    serverName: serverName === "" ? undefined : serverName,
    ca: caCertificates === "" ? undefined : caCertificates,
    subjectAltNames,
    client,
    insecure,
  });
}

function decodeClient(certificate: string, key: string, place: Place): OriginTls["client"] {
  if (certificate === "" && key === "") return undefined;
  place.at("clientCertificate").check(certificate, forms.certificates);
  place.at("clientKey").check(key, forms.privateKey);
  return Object.freeze({ certificate, key });
}
