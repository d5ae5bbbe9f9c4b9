import { sayAbout } from "../context.ts";
import { classOf } from "./class-of.ts";
import type { Reading } from "./dialect.ts";

/** IngressClassParams: what an IngressClass says of the load balancers of all its Ingresses. */

const KIND = "IngressClassParams";

/** Those who may call as annotations say it: everyone. */
const EVERYONE: ReadonlySet<string> = new Set(["0.0.0.0/0", "::/0"]);

/** Why its Ingresses cannot be served: it says who may call. */
export function refusedByParams({ context, ingress, say }: Reading): string | undefined {
  const parameters = classOf(context, ingress)?.spec.parameters;
  if (parameters?.kind !== KIND) return undefined;
  const fail = (reason: string) => {
    say("error", "spec.ingressClassName", `${reason}: all its paths answer with an error`);
    return reason;
  };
  const params = context.objects.get(KIND, "", parameters.name);
  if (params === undefined) return fail(`there is no ${KIND} ${parameters.name}, which may say who may call`);
  const { inboundCIDRs, prefixListsIDs, ...others } = params.spec;
  const sayOfParams = sayAbout(context, params);
  for (const [field, value] of Object.entries(others))
    if (value !== undefined) sayOfParams("warning", `spec.${field}`, "is not carried: Ingresses say it by annotation");
  const field = prefixListsIDs.length > 0 ? "prefixListsIDs" : "inboundCIDRs";
  if (prefixListsIDs.length === 0 && inboundCIDRs.every((each) => EVERYONE.has(each.trim()))) return undefined;
  sayOfParams("error", `spec.${field}`, "is not supported: its Ingresses answer with an error");
  return fail(`${field} of ${KIND} ${parameters.name} is not supported`);
}
