import { GATEWAY_GROUP } from "../../objects/route-parts.ts";
import type { ObjectIndex } from "../object-index.ts";

interface Reference {
  readonly from: { readonly kind: "HTTPRoute" | "GRPCRoute" | "Gateway"; readonly namespace: string };
  readonly to: { readonly kind: "Service" | "Secret" | "ConfigMap"; readonly namespace: string; readonly name: string };
}

/** Whether a reference stays in its namespace, or a ReferenceGrant in the namespace it points to allows it. */
export function isGranted(objects: ObjectIndex, { from, to }: Reference): boolean {
  if (from.namespace === to.namespace) return true;
  return objects
    .grantsIn(to.namespace)
    .some(
      ({ spec }) =>
        spec.from.some(
          ({ group, kind, namespace }) => group === GATEWAY_GROUP && kind === from.kind && namespace === from.namespace,
        ) && spec.to.some(({ group, kind, name }) => group === "" && kind === to.kind && (name ?? to.name) === to.name),
    );
}
