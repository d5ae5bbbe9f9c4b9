import type { ObjectOf } from "../../objects/object.ts";
import type { Context } from "../context.ts";
import { guardsOfPods, ROOT_NAMESPACE } from "../guards.ts";
import type { Guard } from "../object-index.ts";
import { entriesOf } from "./servers.ts";

/** What says who may call a gateway: policies that are for its pods, or may be, as not all their labels are known. */
export function guardsOf({ objects }: Context, gateway: ObjectOf<"IstioGateway">): Guard[] {
  const policies: Guard[] = [...objects.all("AuthorizationPolicy"), ...objects.all("RequestAuthentication")];
  if (policies.length === 0) return [];
  const entries = entriesOf(objects, gateway);
  const known = new Set(entries.map(({ metadata }) => metadata.namespace));
  const namespaces = [...(known.size === 0 ? [gateway.metadata.namespace] : known), ROOT_NAMESPACE];
  const labels = Object.assign({}, ...entries.map(({ spec }) => spec.selector), gateway.spec.selector);
  const near = known.size === 0 ? policies : policies.filter(({ metadata }) => namespaces.includes(metadata.namespace));
  return guardsOfPods(near, { labels, namespaces });
}
