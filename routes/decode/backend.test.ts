import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { ClusterTableSchema, OriginProtocol, Transport } from "../../proto/gen/edgeway/v1/table_pb.js";
import { decode } from "../decode.ts";
import type { Backend } from "../model.ts";
import { backend, type BackendInit } from "../table.fixture.ts";

const tableOf = (...inits: BackendInit[]) =>
  create(ClusterTableSchema, { cluster: "east", backends: inits.map((init, i) => backend(`b${i}`, init)) });

function decoded(...inits: BackendInit[]): readonly Backend[] {
  const { part, issues } = decode(tableOf(...inits));
  if (issues !== undefined) throw new Error(JSON.stringify(issues));
  return part.backends;
}

const wrong = (init: BackendInit) => decode(tableOf(init)).issues?.map(({ field }) => field);

const pem = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";
const keyPem = "-----BEGIN EC PRIVATE KEY-----\nAA==\n-----END EC PRIVATE KEY-----\n";

describe("a backend", () => {
  it("bears its cluster's name, and asks for nothing that it does not say", () => {
    expect(decoded({})[0]).toEqual({
      name: "east/b0",
      source: { kind: "Service", namespace: "default", name: "service" },
      protocol: "http2",
      http: "http2",
      transport: "connection",
      locationHint: undefined,
      tls: false,
      originTls: undefined,
      endpoints: [
        { host: "10.0.0.1", port: 50051 },
        { host: "fd00::1", port: 50051 },
      ],
      loadBalancing: { policy: "leastRequest", hash: undefined, slowStartMs: 0 },
      healthCheck: undefined,
      outlierDetection: undefined,
      circuitBreaker: undefined,
      connectTimeoutMs: 5000,
      descriptors: undefined,
    });
  });

  it.each<[BackendInit, Partial<Backend>]>([
    [
      { protocol: OriginProtocol.HTTP1, http2: true },
      { protocol: "http1", http: "http1" },
    ],
    [{ protocol: OriginProtocol.GRPC }, { protocol: "grpc", http: "http2" }],
    [{ protocol: OriginProtocol.GRPC_WEB }, { protocol: "grpc-web", http: "http1" }],
    [
      { protocol: OriginProtocol.GRPC_WEB, http2: true },
      { protocol: "grpc-web", http: "http2" },
    ],
    [{ protocol: OriginProtocol.CONNECT }, { protocol: "connect", http: "http1" }],
    [
      { transport: Transport.VPC_NETWORK, locationHint: "weur" },
      { transport: "vpc-network", locationHint: "weur" },
    ],
    [{ locationHint: "apac-ne" }, { locationHint: "apac-ne" }],
    [{ locationHint: "apac-se" }, { locationHint: "apac-se" }],
    [{ connectTimeoutMs: 250 }, { connectTimeoutMs: 250 }],
  ])("of %j is %j", (init, expected) => {
    expect(decoded(init)[0]).toMatchObject(expected);
  });

  it("is refused with a transport, a location or a time that no edge knows", () => {
    const unknown = JSON.parse("9");
    expect(wrong({ transport: unknown })).toEqual(["transport"]);
    expect(wrong({ locationHint: "mars" })).toEqual(["locationHint"]);
    expect(wrong({ connectTimeoutMs: 2 ** 31 })).toEqual(["connectTimeoutMs"]);
  });
});

describe("a backend's TLS", () => {
  const originTls = {
    serverName: "a.test",
    caCertificates: pem,
    subjectAltNames: ["spiffe://cluster.local/ns/a"],
    clientCertificate: pem,
    clientKey: keyPem,
  };

  it("is one object for all backends that have the same", () => {
    const [one, two, other, plain] = decoded(
      { tls: true, originTls },
      { tls: true, originTls },
      { tls: true, originTls: { insecure: true } },
      { tls: false, originTls },
    );
    expect(one?.originTls).toEqual({
      serverName: "a.test",
      ca: pem,
      subjectAltNames: originTls.subjectAltNames,
      client: { certificate: pem, key: keyPem },
      insecure: false,
    });
    expect(two?.originTls).toBe(one?.originTls);
    expect(other?.originTls).toMatchObject({ insecure: true, ca: undefined, serverName: undefined });
    expect(plain?.originTls).toBeUndefined();
    expect(decoded({ tls: true, originTls: {} })[0]?.originTls).toBeUndefined();
  });

  it("has certificates in PEM, and a key with its certificate", () => {
    expect(wrong({ tls: true, originTls: { caCertificates: "c2VjcmV0" } })).toEqual(["originTls.caCertificates"]);
    expect(wrong({ tls: true, originTls: { clientKey: keyPem } })).toEqual(["originTls.clientCertificate"]);
    expect(wrong({ tls: true, originTls: { clientCertificate: pem } })).toEqual(["originTls.clientKey"]);
    expect(wrong({ tls: true, originTls: { serverName: "*.a.test" } })).toEqual(["originTls.serverName"]);
    const large = { caCertificates: pem + "A".repeat(262_144) };
    expect(wrong({ tls: true, originTls: large })).toEqual(["originTls.caCertificates"]);
  });
});

describe("a backend's policies", () => {
  it("choose an endpoint", () => {
    const of = (loadBalancing: BackendInit["loadBalancing"]) => decoded({ loadBalancing })[0]?.loadBalancing;
    expect(of({ policy: { case: "roundRobin", value: {} }, slowStartMs: 10 })).toEqual({
      policy: "roundRobin",
      hash: undefined,
      slowStartMs: 10,
    });
    const hashed = (key: { case: "cookie" | "header" | "queryParam"; value: string }) =>
      of({ policy: { case: "consistentHash", value: { key } } })?.hash;
    expect(hashed({ case: "header", value: "x-user" })).toEqual({ kind: "header", name: "x-user" });
    expect(hashed({ case: "cookie", value: "User" })).toEqual({ kind: "cookie", name: "User" });
    expect(hashed({ case: "queryParam", value: "u" })).toEqual({ kind: "param", name: "u" });
    const bySource = { policy: { case: "consistentHash", value: { key: { case: "source", value: true } } } } as const;
    expect(of(bySource)?.hash).toEqual({ kind: "source" });
    expect(wrong({ loadBalancing: { policy: { case: "consistentHash", value: {} } } })).toEqual([
      "loadBalancing.consistentHash",
    ]);
  });

  const often = { intervalMs: 1000, timeoutMs: 500, healthyThreshold: 2, unhealthyThreshold: 3 };

  it("check its health", () => {
    const of = (init: BackendInit["healthCheck"]) => decoded({ healthCheck: { ...often, ...init } })[0]?.healthCheck;
    expect(of({ check: { case: "grpc", value: {} }, port: 8080 })).toEqual({
      ...often,
      port: 8080,
      probe: { kind: "grpc", service: "", path: undefined, codes: [] },
    });
    const path = "/a.B/Check";
    expect(of({ check: { case: "grpc", value: { path } } })?.probe).toMatchObject({ path, codes: [[0, 0]] });
    const codes = [{ first: 0, last: 99 }];
    expect(of({ check: { case: "grpc", value: { path, codes } } })?.probe).toMatchObject({ codes: [[0, 99]] });
    expect(of({ check: { case: "http", value: { path: "/ready?now=1", host: "a.test:1" } } })?.probe).toEqual({
      kind: "http",
      path: "/ready?now=1",
      method: "GET",
      host: "a.test:1",
      statuses: [[200, 299]],
    });
    expect(of({ check: { case: "tcp", value: {} } })?.probe).toEqual({ kind: "tcp" });
  });

  it("are refused with a check that could not be made", () => {
    const of = (init: BackendInit["healthCheck"]) => wrong({ healthCheck: { ...often, ...init } });
    const tcp = { case: "tcp", value: {} } as const;
    expect(of({})).toEqual(["healthCheck"]);
    expect(of({ check: tcp, intervalMs: 1 })).toEqual(["healthCheck.intervalMs"]);
    expect(of({ check: tcp, timeoutMs: 0, healthyThreshold: 0, port: 65_536 })).toEqual([
      "healthCheck.port",
      "healthCheck.timeoutMs",
      "healthCheck.healthyThreshold",
    ]);
    expect(of({ check: { case: "grpc", value: { path: "/only" } } })).toEqual(["healthCheck.grpc.path"]);
    const statuses = [{ first: 300, last: 200 }];
    expect(of({ check: { case: "http", value: { path: "/", statuses } } })).toEqual([
      "healthCheck.http.statuses[0].last",
    ]);
    expect(of({ check: { case: "http", value: {} } })).toEqual(["healthCheck.http.path"]);
  });

  it("eject what fails and limit what is under way", () => {
    const [init, ejecting, limited, free] = decoded(
      { outlierDetection: {} },
      { outlierDetection: { consecutiveFailures: 2, httpStatuses: [503, 502, 503], maxEjectionPercent: 50 } },
      { circuitBreaker: { maxCalls: 7 } },
      { circuitBreaker: {} },
    );
    expect(init?.outlierDetection).toEqual({
      consecutiveFailures: 5,
      grpcCodes: [],
      httpStatuses: [],
      baseEjectionMs: 30_000,
      maxEjectionPercent: 10,
    });
    expect(ejecting?.outlierDetection).toMatchObject({ httpStatuses: [502, 503], maxEjectionPercent: 50 });
    expect(limited?.circuitBreaker).toEqual({ maxConnections: Infinity, maxPending: Infinity, maxCalls: 7 });
    expect(free?.circuitBreaker).toBeUndefined();
    expect(wrong({ outlierDetection: { grpcCodes: [0], maxEjectionPercent: 101 } })).toEqual([
      "outlierDetection.grpcCodes[0]",
      "outlierDetection.maxEjectionPercent",
    ]);
  });
});
