import { hostname } from "./forms.ts";
import type { ReadOf } from "./read.ts";
import { checked, either, listOrEmpty, object, oneOf, optional, part, string } from "./read.ts";
import { backendRefs, filters, headerMatches, parentRefs, sessionPersistence } from "./route-parts.ts";

const methodMatch = checked(
  object({
    type: either(oneOf("Exact", "RegularExpression"), "Exact"),
    service: optional(string),
    method: optional(string),
  }),
  ({ type, service, method }) => {
    if (service === undefined && method === undefined) return { reason: "must have a service or a method" };
    if (type !== "Exact") return undefined;
    for (const [field, value] of Object.entries({ service, method })) {
      if (value !== undefined && !/^[A-Za-z_][A-Za-z_0-9.]*$/.test(value)) {
        return { field, reason: `must be a gRPC ${field} name, not "${value}"` };
      }
    }
    return undefined;
  },
);

const match = object({ method: optional(methodMatch), headers: headerMatches });

const rule = object({
  name: optional(string),
  matches: listOrEmpty(match),
  filters,
  backendRefs,
  sessionPersistence: optional(sessionPersistence),
});

/** gateway.networking.k8s.io/v1 GRPCRoute. */
export const grpcRoute = part({
  spec: object({
    parentRefs,
    useDefaultGateways: optional(string),
    hostnames: listOrEmpty(hostname),
    rules: listOrEmpty(rule),
  }),
});

export type GrpcRouteMatch = ReadOf<typeof match>;
