import type { ObjectOf } from "../../objects/object.ts";
import type { Context } from "../context.ts";
import { guardsOfPods } from "../guards.ts";
import { ROOT_NAMESPACE } from "../service-host.ts";
import type { Guard } from "../object-index.ts";
import { podNamespaces } from "./servers.ts";

/** What says who may call a gateway: policies that are for its pods, or may be, as not all their labels are known. */
export function guardsOf(
  { objects }: Context,
  gateway: ObjectOf<"IstioGateway">,
  entries: readonly ObjectOf<"Service">[],
): Guard[] {
  const policies: Guard[] = [...objects.all("AuthorizationPolicy"), ...objects.all("RequestAuthentication")];
  if (policies.length === 0) return [];
  const namespaces = [...podNamespaces(gateway, entries), ROOT_NAMESPACE];
  const labels = Object.assign({}, ...entries.map(({ spec }) => spec.selector), gateway.spec.selector);
  const near =
    entries.length === 0 ? policies : policies.filter(({ metadata }) => namespaces.includes(metadata.namespace));
  return guardsOfPods(near, { labels, namespaces });
}
