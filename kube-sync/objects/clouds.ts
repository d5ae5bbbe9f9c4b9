import { forms } from "../../routes/syntax.ts";
import type { ReadOf } from "./read.ts";
import {
  anything,
  boolean,
  either,
  formed,
  integer,
  list,
  listOrEmpty,
  oneOf,
  optional,
  part,
  port,
  string,
} from "./read.ts";

/** What clouds' own controllers read beside an Ingress. Of their many fields only those with a meaning at the edge. */

/** alibabacloud.com/v1 AlbConfig: the load balancer of an IngressClass, and its listeners. */
export const albConfig = part({
  spec: either(
    part({ listeners: listOrEmpty(part({ port, protocol: either(oneOf("HTTP", "HTTPS", "QUIC"), "HTTP") })) }),
    {
      listeners: [],
    },
  ),
});

const header = list(string);

/** With the defaults of checks of network endpoint groups. */
const backendCheck = part({
  type: optional(oneOf("HTTP", "HTTPS", "HTTP2")),
  requestPath: either(formed(forms.target), "/"),
  port: either(port, 0),
  checkIntervalSec: either(integer(1, 300), 15),
  timeoutSec: either(integer(1, 300), 15),
  healthyThreshold: either(integer(1, 10), 1),
  unhealthyThreshold: either(integer(1, 10), 2),
});

/** cloud.google.com/v1 BackendConfig: how GKE's load balancer treats a Service's ports. */
export const backendConfig = part({
  spec: either(
    part({
      timeoutSec: optional(integer(0, Number.MAX_SAFE_INTEGER)),
      connectionDraining: optional(anything),
      sessionAffinity: optional(
        part({ affinityType: either(string, "NONE"), affinityCookieTtlSec: optional(integer(0, 1_209_600)) }),
      ),
      customRequestHeaders: optional(part({ headers: either(header, []) })),
      customResponseHeaders: optional(part({ headers: either(header, []) })),
      healthCheck: optional(backendCheck),
      securityPolicy: optional(part({ name: either(string, "") })),
      iap: optional(anything),
      cdn: optional(anything),
      logging: optional(anything),
    }),
    {
      timeoutSec: undefined,
      connectionDraining: undefined,
      sessionAffinity: undefined,
      customRequestHeaders: undefined,
      customResponseHeaders: undefined,
      healthCheck: undefined,
      securityPolicy: undefined,
      iap: undefined,
      cdn: undefined,
      logging: undefined,
    },
  ),
});

/** networking.gke.io/v1beta1 FrontendConfig. */
export const frontendConfig = part({
  spec: either(
    part({
      redirectToHttps: optional(
        part({ enabled: either(boolean, false), responseCodeName: either(string, "MOVED_PERMANENTLY_DEFAULT") }),
      ),
    }),
    { redirectToHttps: undefined },
  ),
});

export type BackendConfigSpec = ReadOf<typeof backendConfig>["spec"];
