import type { ReadOf } from "./read.ts";
import { anything, boolean, either, list, listOrEmpty, mapOf, oneOf, optional, part, port, string } from "./read.ts";

const servicePort = part({
  name: either(string, ""),
  port,
  targetPort: optional(anything),
  protocol: either(string, "TCP"),
  appProtocol: optional(string),
});

/** v1 Service. */
export const service = part({
  spec: part({
    type: either(oneOf("ClusterIP", "NodePort", "LoadBalancer", "ExternalName"), "ClusterIP"),
    externalName: optional(string),
    selector: either(mapOf(string), {}),
    ports: listOrEmpty(servicePort),
  }),
  status: either(
    part({
      loadBalancer: either(part({ ingress: listOrEmpty(part({ ip: optional(string), hostname: optional(string) })) }), {
        ingress: [],
      }),
    }),
    { loadBalancer: { ingress: [] } },
  ),
});

/** discovery.k8s.io/v1 EndpointSlice. */
export const endpointSlice = part({
  addressType: oneOf("IPv4", "IPv6", "FQDN"),
  endpoints: listOrEmpty(
    part({
      addresses: list(string),
      // An absent "ready" is to be taken for true.
      conditions: either(part({ ready: either(boolean, true) }), { ready: true }),
    }),
  ),
  ports: listOrEmpty(part({ name: either(string, ""), port: optional(port) })),
});

/** v1 Secret. A manifest may hold `stringData`, which the API server folds into `data`. */
export const secret = part({
  type: either(string, "Opaque"),
  data: either(mapOf(string), {}),
  stringData: either(mapOf(string), {}),
});

/** v1 ConfigMap: certificates of authorities are in `data`, descriptor sets in `binaryData`, in base64. */
export const configMap = part({ data: either(mapOf(string), {}), binaryData: either(mapOf(string), {}) });

/** v1 Namespace: only its labels are read. */
export const namespaceBody = part({});

export type ServicePort = ReadOf<typeof servicePort>;
