import { hostname } from "./forms.ts";
import type { ReadOf } from "./read.ts";
import { anything, either, list, listOrEmpty, mapOf, object, oneOf, optional, part, port, string } from "./read.ts";
import { GATEWAY_GROUP } from "./route-parts.ts";

/** A Kubernetes label selector. */
const labelSelector = object({
  matchLabels: either(mapOf(string), {}),
  matchExpressions: listOrEmpty(
    object({
      key: string,
      operator: oneOf("In", "NotIn", "Exists", "DoesNotExist"),
      values: listOrEmpty(string),
    }),
  ),
});

const secretRef = object({
  group: either(string, ""),
  kind: either(string, "Secret"),
  namespace: optional(string),
  name: string,
});

/** Whose client certificates a listener asks for. */
const frontendValidation = object({
  caCertificateRefs: listOrEmpty(
    object({ group: either(string, ""), kind: string, namespace: optional(string), name: string }),
  ),
  mode: either(oneOf("AllowValidOnly", "AllowInsecureFallback"), "AllowValidOnly"),
});

/** As GatewaySpec has it since v1.4. */
const gatewayTls = object({
  backend: optional(anything),
  frontend: optional(
    object({
      default: optional(object({ validation: optional(frontendValidation) })),
      perPort: listOrEmpty(object({ port, tls: object({ validation: optional(frontendValidation) }) })),
    }),
  ),
});

const SAME = { from: "Same", selector: undefined } as const;

const listener = object({
  name: string,
  hostname: optional(hostname),
  port,
  protocol: string,
  tls: optional(
    object({
      mode: either(oneOf("Terminate", "Passthrough"), "Terminate"),
      certificateRefs: listOrEmpty(secretRef),
      frontendValidation: optional(frontendValidation),
      options: optional(anything),
    }),
  ),
  allowedRoutes: either(
    object({
      namespaces: either(
        object({ from: either(oneOf("Same", "All", "Selector", "None"), "Same"), selector: optional(labelSelector) }),
        SAME,
      ),
      kinds: listOrEmpty(object({ group: either(string, GATEWAY_GROUP), kind: string })),
    }),
    { namespaces: SAME, kinds: [] },
  ),
});

/** gateway.networking.k8s.io/v1 Gateway. */
export const gateway = part({
  spec: part({ gatewayClassName: string, listeners: list(listener), tls: optional(gatewayTls) }),
});

/** gateway.networking.k8s.io/v1 GatewayClass. */
export const gatewayClass = part({
  spec: part({ controllerName: string, parametersRef: optional(anything) }),
});

const grantFrom = object({ group: string, kind: string, namespace: string });
const grantTo = object({ group: string, kind: string, name: optional(string) });

/** gateway.networking.k8s.io/v1beta1 ReferenceGrant. */
export const referenceGrant = part({ spec: object({ from: list(grantFrom), to: list(grantTo) }) });

export type Listener = ReadOf<typeof listener>;
export type LabelSelector = ReadOf<typeof labelSelector>;
export type FrontendValidation = ReadOf<typeof frontendValidation>;
export type SecretRef = ReadOf<typeof secretRef>;
