/** Manifests for origins of the tests' own. */

/** A gRPC service at `origin` ("address:port"), with `hostname` to itself, on the examples' gateway for any hostname. */
export function grpcService(hostname: string, origin: string): string {
  return `${route("GRPCRoute", hostname, "grpc")}---\n${service(hostname, origin, "kubernetes.io/h2c")}`;
}

/** A plain HTTP service, of HTTP/1.1 or with HTTP/2 by prior knowledge, on a gateway of its own. */
export function httpService(hostname: string, origin: string, protocol: "http" | "kubernetes.io/h2c"): string {
  const gateway = nameOf(hostname);
  return `apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: ${gateway} }
spec:
  gatewayClassName: edgeway
  listeners: [{ name: http, protocol: HTTP, port: 80, hostname: ${hostname} }]
---
${route("HTTPRoute", hostname, gateway)}---
${service(hostname, origin, protocol)}`;
}

const nameOf = (hostname: string) => hostname.replaceAll(".", "-");

function route(kind: string, hostname: string, gateway: string): string {
  return `apiVersion: gateway.networking.k8s.io/v1
kind: ${kind}
metadata: { name: ${nameOf(hostname)} }
spec:
  parentRefs: [{ name: ${gateway} }]
  hostnames: [${hostname}]
  rules: [{ backendRefs: [{ name: ${nameOf(hostname)}, port: 80 }] }]
`;
}

function service(hostname: string, origin: string, appProtocol: string): string {
  return `apiVersion: v1
kind: Service
metadata: { name: ${nameOf(hostname)}, annotations: { edgeway.dev/origin: "${origin}" } }
spec: { ports: [{ port: 80, appProtocol: ${appProtocol} }] }
`;
}
