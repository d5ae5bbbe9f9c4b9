/** A multi-cluster gateway on Alibaba's ALB: one Ingress in two clusters, gRPC behind it, TLS from a Secret. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { echo } from "../../examples/services/echo.ts";
import { type ExampleServer, startGrpc } from "../../examples/services/servers.ts";
import { GrpcClient } from "../e2e/clients.ts";
import { serviceName } from "../contract/clients.ts";
import { findTool } from "../go-tool.ts";
import { type Mission, selfSigned, serviceAt, startMission } from "./mission.ts";

const host = "grpc.example.com";
const grpcurl = findTool("grpcurl");
let servers: ExampleServer[];
let mission: Mission;

beforeAll(async () => {
  servers = await Promise.all(
    ["beijing", "hangzhou"].map((name) => startGrpc(name, 0, { [serviceName]: echo(name, "prod") })),
  );
  mission = await startMission();
  const { crt, key } = await selfSigned(host);
  await mission.addCluster("beijing", manifests(servers[0]!.port, crt, key));
  await mission.addCluster("hangzhou", manifests(servers[1]!.port, crt, key));
});
afterAll(async () => {
  await mission.close();
  await Promise.all(servers.map((server) => server.stop()));
});

const manifests = (port: number, crt: string, key: string): string => `
apiVersion: alibabacloud.com/v1
kind: AlbConfig
metadata:
  name: fleet
spec:
  config: {name: fleet, addressType: Internet}
  listeners:
    - {port: 443, protocol: HTTPS}
---
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata:
  name: alb
spec:
  controller: ingress.k8s.alibabacloud/alb
  parameters: {apiGroup: alibabacloud.com, kind: AlbConfig, name: fleet}
---
apiVersion: v1
kind: Secret
metadata:
  name: grpc-tls
type: kubernetes.io/tls
data:
  tls.crt: ${crt}
  tls.key: ${key}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: grpc
  annotations:
    alb.ingress.kubernetes.io/backend-protocol: grpc
    alb.ingress.kubernetes.io/listen-ports: '[{"HTTPS": 443}]'
spec:
  ingressClassName: alb
  tls:
    - hosts: [${host}]
      secretName: grpc-tls
  rules:
    - host: ${host}
      http:
        paths:
          - path: /
            pathType: Prefix
            backend:
              service: {name: echo, port: {number: 50051}}
---${serviceAt("echo", 50051, port)}`;

test.skipIf(grpcurl === undefined)("grpcurl (if installed) lists the services by the host's name alone", async () => {
  const { stdout } = await promisify(execFile)(grpcurl!, [
    "-insecure",
    "-authority",
    host,
    `127.0.0.1:${mission.httpsPort}`,
    "list",
  ]);
  expect(stdout.split("\n")).toContain(serviceName);
});

test("calls reach both clusters, and one alone when the other is gone", async () => {
  const client = new GrpcClient({ tlsPort: mission.httpsPort, authority: host });
  const say = async (): Promise<string> => {
    const { cluster } = await client.unary(`${serviceName}/Say`, {});
    return String(cluster);
  };
  const seen = new Set(await Promise.all(Array.from({ length: 60 }, say)));
  expect(seen.size).toBe(2);
  await servers[0]!.stop();
  const left = new Set(await Promise.all(Array.from({ length: 60 }, say)));
  expect(left.size).toBe(1);
  await servers[0]!.start();
  client.close();
});
