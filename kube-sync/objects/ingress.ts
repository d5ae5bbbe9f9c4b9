import { hostname } from "./forms.ts";
import type { ReadOf } from "./read.ts";
import { checked, list, listOrEmpty, object, oneOf, optional, part, port, string } from "./read.ts";

const servicePort = checked(object({ name: optional(string), number: optional(port) }), ({ name, number }) =>
  (name === undefined) === (number === undefined) ? { reason: "must have either a name or a number" } : undefined,
);

const ingressBackend = checked(
  object({
    service: optional(object({ name: string, port: servicePort })),
    resource: optional(part({ kind: string, name: string })),
  }),
  ({ service, resource }) =>
    (service === undefined) === (resource === undefined)
      ? { reason: "must have either a service or a resource" }
      : undefined,
);

const ingressPath = checked(
  object({
    path: optional(string),
    pathType: oneOf("Exact", "Prefix", "ImplementationSpecific"),
    backend: ingressBackend,
  }),
  ({ path, pathType }) => {
    if (path === undefined && pathType === "ImplementationSpecific") return undefined;
    return path?.startsWith("/") ? undefined : { field: "path", reason: `must begin with "/", not "${path ?? ""}"` };
  },
);

const ingressSpec = object({
  ingressClassName: optional(string),
  defaultBackend: optional(ingressBackend),
  tls: listOrEmpty(object({ hosts: listOrEmpty(hostname), secretName: optional(string) })),
  rules: listOrEmpty(object({ host: optional(hostname), http: optional(object({ paths: list(ingressPath) })) })),
});

/** networking.k8s.io/v1 Ingress. */
export const ingress = part({ spec: ingressSpec });

/** networking.k8s.io/v1 IngressClass. */
export const ingressClass = part({
  spec: object({ controller: string, parameters: optional(part({ kind: string, name: string })) }),
});

export type IngressBackend = ReadOf<typeof ingressBackend>;
export type IngressPath = ReadOf<typeof ingressPath>;
