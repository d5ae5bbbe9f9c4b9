/** From a backend's message to its checked form. */
import {
  OriginProtocol,
  Transport as TransportNumber,
  type Backend as BackendMessage,
  type Endpoint as EndpointMessage,
} from "../../proto/gen/edgeway/v1/table_pb.js";
import type { Place } from "../issues.ts";
import type { Backend, Endpoint, Transport } from "../model.ts";
import { forms, isEndpointHost, locationHints } from "../syntax.ts";
import {
  decodeCircuitBreaker,
  decodeLoadBalancing,
  decodeOriginTls,
  decodeOutlierDetection,
} from "./backend-policies.ts";
import { decodeHealthCheck } from "./health-check.ts";
import { limits, list } from "./list.ts";
import { time, type Shared } from "./shared.ts";
import { decodeSource } from "./source.ts";

const protocols: ReadonlyMap<OriginProtocol, Backend["protocol"]> = new Map([
  [OriginProtocol.HTTP1, "http1"],
  [OriginProtocol.HTTP2, "http2"],
  [OriginProtocol.GRPC, "grpc"],
  [OriginProtocol.GRPC_WEB, "grpc-web"],
  [OriginProtocol.CONNECT, "connect"],
]);

const transports: ReadonlyMap<TransportNumber, Transport> = new Map([
  [TransportNumber.UNSPECIFIED, "connection"],
  [TransportNumber.VPC_NETWORK, "vpc-network"],
  [TransportNumber.FETCH, "fetch"],
  [TransportNumber.GRPC_WEB_CONVERT, "grpc-web-convert"],
]);

/** The table that a backend is part of. */
interface Context {
  readonly cluster: string;
  /** Of its descriptor sets. */
  readonly hashes: ReadonlySet<string>;
  readonly shared: Shared;
}

export function decodeBackend(message: BackendMessage, context: Context, place: Place): Backend {
  const { source, at } = decodeSource(message.source, place);
  const { descriptors, tls, connectTimeoutMs } = message;
  if (descriptors !== "" && !context.hashes.has(descriptors))
    at.at("descriptors").wrong("names no descriptor set of the table");
  const shared = <T extends object>(policy: T | undefined): T | undefined => policy && context.shared.of(policy);
  const loadBalancing = decodeLoadBalancing(message.loadBalancing, at);
  const originTls = decodeOriginTls(message.originTls, at);
  return Object.freeze({
    name: `${context.cluster}/${at.at("key").check(message.key, forms.key)}`,
    source,
    ...decodeProtocol(message, at),
    transport: decodeTransport(message.transport, at),
    locationHint: decodeLocationHint(message.locationHint, at),
    tls,
    originTls: tls ? shared(originTls) : undefined,
    endpoints: list(message.endpoints, limits.endpoints, at, "endpoints", decodeEndpoint),
    loadBalancing: message.loadBalancing === undefined ? loadBalancing : context.shared.of(loadBalancing),
    healthCheck: shared(decodeHealthCheck(message.healthCheck, at)),
    outlierDetection: shared(decodeOutlierDetection(message.outlierDetection, at)),
    circuitBreaker: shared(decodeCircuitBreaker(message.circuitBreaker, at)),
    connectTimeoutMs: time(connectTimeoutMs, at.at("connectTimeoutMs")) ?? 5000,
    descriptors: descriptors === "" ? undefined : descriptors,
  });
}

function decodeProtocol(message: BackendMessage, place: Place): Pick<Backend, "protocol" | "http"> {
  const protocol = protocols.get(message.protocol);
  switch (protocol) {
    case "http2":
    case "grpc":
      return { protocol, http: "http2" };
    case "grpc-web":
    case "connect":
      return { protocol, http: message.http2 ? "http2" : "http1" };
    case "http1":
      return { protocol, http: "http1" };
    case undefined:
      place.at("protocol").wrong("must be HTTP1, HTTP2, GRPC, GRPC_WEB or CONNECT");
      return { protocol: "http1", http: "http1" };
  }
}

function decodeTransport(number: TransportNumber, place: Place): Transport {
  const transport = transports.get(number);
  if (transport === undefined) place.at("transport").wrong("must be one that this edge knows");
  return transport ?? "connection";
}

function decodeLocationHint(hint: string, place: Place): string | undefined {
  if (hint === "") return undefined;
  if (!locationHints.includes(hint)) place.at("locationHint").wrong(`must be one of ${locationHints.join(", ")}`);
  return hint;
}

function decodeEndpoint({ host, port }: EndpointMessage, place: Place): Endpoint {
  if (!isEndpointHost(host)) place.at("host").wrong("must be a lower-case host name or an IP address");
  if (port < 1 || port > 65_535) place.at("port").wrong("must be from 1 to 65535");
  return Object.freeze({ host, port });
}
