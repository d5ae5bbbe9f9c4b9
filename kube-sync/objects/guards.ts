import type { ReadOf } from "./read.ts";
import { anything, boolean, either, listOrEmpty, mapOf, optional, part, string } from "./read.ts";

/**
 * Objects that say who may call. The edge does not do what they ask for, so only what they are for is read of them:
 * that is not served.
 */

const labels = { matchLabels: either(mapOf(string), {}) };
const target = part({ group: either(string, ""), kind: string, name: string, sectionName: optional(string) });

const targets = {
  targetRef: optional(target),
  targetRefs: listOrEmpty(target),
  /** Envoy Gateway's: the objects with these labels; its expressions, which leave some of them out, are not read. */
  targetSelectors: listOrEmpty(part({ kind: string, ...labels })),
  /** Istio's: the pods with these labels. */
  selector: optional(part(labels)),
};

/** security.istio.io AuthorizationPolicy and RequestAuthentication, gateway.envoyproxy.io SecurityPolicy. */
export const guard = part({
  spec: either(part(targets), {
    targetRef: undefined,
    targetRefs: [],
    targetSelectors: [],
    selector: undefined,
  }),
});

/** networking.gke.io GCPBackendPolicy, of the Services behind a Gateway. */
export const gcpBackendPolicy = part({
  spec: part({
    targetRef: optional(target),
    targetRefs: listOrEmpty(target),
    default: optional(
      part({ iap: optional(part({ enabled: either(boolean, true) })), securityPolicy: optional(string) }),
    ),
  }),
});

/** elbv2.k8s.aws IngressClassParams: what an IngressClass says of all its Ingresses. */
export const ingressClassParams = part({
  spec: either(
    part({
      inboundCIDRs: listOrEmpty(string),
      prefixListsIDs: listOrEmpty(string),
      group: optional(anything),
      sslRedirectPort: optional(anything),
    }),
    { inboundCIDRs: [], prefixListsIDs: [], group: undefined, sslRedirectPort: undefined },
  ),
});

export type GuardSpec = ReadOf<typeof guard>["spec"];

interface Targets<T> {
  readonly targetRef?: T | undefined;
  readonly targetRefs: readonly T[];
}

/** What a policy is for: `targetRef` is the older form. */
export function targetsOf<T>({ targetRef, targetRefs }: Targets<T>): T[] {
  return [...(targetRef === undefined ? [] : [targetRef]), ...targetRefs];
}
