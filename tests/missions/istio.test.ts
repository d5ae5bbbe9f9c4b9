/**
 * Google's load balancer in front of an Istio mesh: the mesh's gateway takes TLS with a certificate of its own making, and
 * a VirtualService chooses a namespace's environment by a header.
 */
import { create } from "@bufbuild/protobuf";
import { afterAll, beforeAll, expect, test } from "vitest";
import { echo } from "../../examples/services/echo.ts";
import { type ExampleServer, startGrpc } from "../../examples/services/servers.ts";
import { ClusterTableSchema, OriginProtocol } from "../../proto/gen/edgeway/v1/table_pb.js";
import { serviceName } from "../contract/clients.ts";
import { GrpcClient } from "../e2e/clients.ts";
import { edges, type EdgeUnderTest } from "../edges/edges.ts";
import { type Mission, type Pem, selfSigned, startMission } from "./mission.ts";

const host = "echo.example.com";
const environments = ["env1", "env2"];
let servers: ExampleServer[];
let gateway: EdgeUnderTest;
let mission: Mission;

beforeAll(async () => {
  servers = await Promise.all(environments.map((name) => startGrpc(name, 0, { [serviceName]: echo("mesh", name) })));
  const inside = await selfSigned("mesh.internal");
  gateway = await meshGateway(inside.pem);
  mission = await startMission();
  await mission.addCluster("gke", manifests(inside, await selfSigned(host)));
});
afterAll(async () => {
  await mission.close();
  await gateway.close();
  await Promise.all(servers.map((server) => server.stop()));
});

/** What istio-ingressgateway is to the edge: TLS with its own certificate, and the VirtualService's choice behind it. */
function meshGateway(credentials: Pem): Promise<EdgeUnderTest> {
  const source = { kind: "VirtualService", namespace: "istio-system", name: "echo" };
  const table = create(ClusterTableSchema, {
    cluster: "mesh",
    backends: environments.map((name, i) => ({
      key: name,
      source,
      protocol: OriginProtocol.GRPC,
      endpoints: [{ host: "127.0.0.1", port: servers[i]!.port }],
    })),
    routes: [
      {
        key: "echo",
        source,
        rules: environments.map((name, index) => ({
          index,
          matches: [{ headers: [{ name: "env", exact: name }] }],
          backends: [{ target: { case: "backend" as const, value: name }, weight: 1 }],
        })),
      },
    ],
  });
  return edges["node"]!(table, credentials);
}

interface Certificate {
  readonly crt: string;
  readonly key: string;
}

const secret = (name: string, { crt, key }: Certificate): string => `
apiVersion: v1
kind: Secret
metadata: {name: ${name}, namespace: istio-system}
type: kubernetes.io/tls
data: {tls.crt: ${crt}, tls.key: ${key}}
`;

/** Nothing of the mesh but its gateway can be reached from outside. */
const manifests = (inside: Certificate, outside: Certificate): string => `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: gateway
  namespace: istio-system
  annotations: {kubernetes.io/ingress.class: gce}
spec:
  tls:
    - secretName: edge-cert
  defaultBackend:
    service: {name: istio-ingressgateway, port: {name: https}}
---${secret("edge-cert", outside)}
---${secret("mesh-cert", inside)}
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: gateway, namespace: istio-system}
spec:
  selector: {istio: ingressgateway}
  servers:
    - port: {number: ${gateway.port}, name: https, protocol: HTTPS}
      hosts: ["*"]
      tls: {mode: SIMPLE, credentialName: mesh-cert}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: echo, namespace: istio-system}
spec:
  hosts: ["${host}"]
  gateways: [istio-system/gateway]
  http:
    - match:
        - headers: {env: {exact: env1}}
      route:
        - destination: {host: echo.env1.svc.cluster.local, port: {number: 50051}}
    - match:
        - headers: {env: {exact: env2}}
      route:
        - destination: {host: echo.env2.svc.cluster.local, port: {number: 50051}}
---
apiVersion: v1
kind: Service
metadata: {name: echo, namespace: env1}
spec:
  ports: [{name: grpc, port: 50051}]
---
apiVersion: v1
kind: Service
metadata: {name: echo, namespace: env2}
spec:
  ports: [{name: grpc, port: 50051}]
---
apiVersion: v1
kind: Service
metadata:
  name: istio-ingressgateway
  namespace: istio-system
  annotations:
    cloud.google.com/app-protocols: '{"https":"HTTP2"}'
spec:
  type: LoadBalancer
  selector: {istio: ingressgateway}
  ports: [{name: https, port: ${gateway.port}, targetPort: 8443}]
status:
  loadBalancer: {ingress: [{ip: 127.0.0.1}]}
`;

test("calls reach the environment that their header names, through the mesh's own TLS", async () => {
  const client = new GrpcClient({ tlsPort: mission.httpsPort, authority: host });
  for (const env of environments) {
    // oxlint-disable-next-line no-await-in-loop
    expect(await client.unary(`${serviceName}/Say`, {}, { env })).toMatchObject({ cluster: "mesh", environment: env });
  }
  await expect(client.unary(`${serviceName}/Say`, {})).rejects.toMatchObject({ code: 12 });
  client.close();
});
