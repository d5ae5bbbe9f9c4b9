/** Objects of tests, as YAML. The API server takes no loopback address for an endpoint, so Services say where they are. */

export function serviceYaml(name: string, port: number): string {
  return `
apiVersion: v1
kind: Service
metadata: { name: ${name}, annotations: { edgeway.dev/origin: "grpc://127.0.0.1:${port}" } }
spec: { ports: [{ port: 80 }] }
---`;
}

export const classesYaml = `
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: { name: edgeway }
spec: { controller: edgeway.dev/ingress-controller }
---`;

export const gatewayYaml = `
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: { name: edgeway }
spec: { controllerName: edgeway.dev/gateway-controller }
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: edge }
spec:
  gatewayClassName: edgeway
  listeners: [{ name: http, port: 80, protocol: HTTP }]
---`;

export function ingressYaml(name: string, host: string, service: string): string {
  return `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: { name: ${name} }
spec:
  ingressClassName: edgeway
  rules:
    - host: ${host}
      http: { paths: [{ path: /, pathType: Prefix, backend: { service: { name: ${service}, port: { number: 80 } } } }] }
---`;
}

export function grpcRouteYaml(name: string, host: string, service: string): string {
  return `
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: { name: ${name} }
spec:
  parentRefs: [{ name: edge }]
  hostnames: [${host}]
  rules: [{ backendRefs: [{ name: ${service}, port: 80 }] }]
---`;
}

/** An Ingress of a class that Alibaba Cloud's controller owns, with the load balancer of that class. */
export function albYaml(host: string, service: string): string {
  return `
apiVersion: alibabacloud.com/v1
kind: AlbConfig
metadata: { name: alb }
spec: { config: { name: alb }, listeners: [{ port: 80, protocol: HTTP }] }
---
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: { name: alb }
spec:
  controller: ingress.k8s.alibabacloud/alb
  parameters: { apiGroup: alibabacloud.com, kind: AlbConfig, name: alb }
---${ingressYaml("alibaba", host, service).replace("ingressClassName: edgeway", "ingressClassName: alb")}`;
}

export function istioYaml(host: string, service: string): string {
  return `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: istio }
spec:
  selector: { istio: ingressgateway }
  servers: [{ port: { number: 80, name: http, protocol: HTTP }, hosts: [${host}] }]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: istio }
spec:
  hosts: [${host}]
  gateways: [istio]
  http: [{ route: [{ destination: { host: ${service}, port: { number: 80 } } }] }]
---`;
}
