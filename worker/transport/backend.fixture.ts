import type { Backend } from "../../routes/model.ts";

/** A backend of two endpoints that asks for nothing. */
export const echo: Backend = {
  name: "east/default/echo:50051",
  source: { kind: "Service", namespace: "default", name: "echo" },
  protocol: "grpc",
  http: "http2",
  transport: "connection",
  locationHint: undefined,
  tls: false,
  originTls: undefined,
  endpoints: [
    { host: "10.0.0.1", port: 50051 },
    { host: "10.0.0.2", port: 50051 },
  ],
  loadBalancing: { policy: "leastRequest", hash: undefined, slowStartMs: 0 },
  healthCheck: undefined,
  outlierDetection: undefined,
  circuitBreaker: undefined,
  connectTimeoutMs: 5_000,
  descriptors: undefined,
};
