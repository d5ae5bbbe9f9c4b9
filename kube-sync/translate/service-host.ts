import { covers } from "./hostnames.ts";

/** Istio's root namespace: what is there is for the whole mesh. */
export const ROOT_NAMESPACE = "istio-system";

/**
 * "namespace/name" of the Service that a host in an Istio object of a namespace stands for. A name without dots is in
 * that namespace; others are whole names. Undefined: it is none of the cluster's.
 */
export function serviceNameOf(host: string, namespace: string): string | undefined {
  const [name = "", other, svc, ...domain] = host.split(".");
  if (other === undefined) return `${namespace}/${name}`;
  const isLocal = svc === "svc" && (domain.length === 0 || domain.join(".") === "cluster.local");
  return isLocal ? `${other}/${name}` : undefined;
}

/** Whether a host in an Istio object that begins with "*" stands for a Service, among others. */
export function isWildcardOf(
  host: string,
  { namespace, name }: { readonly namespace: string; readonly name: string },
): boolean {
  return covers(host === "*" ? "" : host, `${name}.${namespace}.svc.cluster.local`);
}
