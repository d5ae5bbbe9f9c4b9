import type { Context } from "../context.ts";
import type { Attached } from "./attach.ts";
import { covers } from "../hostnames.ts";

/**
 * Gateway API: of a Gateway's listeners on one port only the one whose hostname fits a request best takes it, and the
 * routes of the others do not see it, even where it has no route for that request.
 */

/** The hostnames of an attachment that no more specific listener takes away. */
export function isolatedHostnames({ gateway, listener, hostnames }: Attached): string[] {
  const narrower = narrowerThan(gateway.listeners, listener);
  return hostnames.filter((hostname) => !narrower.some(({ spec }) => covers(spec.hostname ?? "", hostname)));
}

/**
 * Hostnames of listeners within those of others that have routes: what no route of theirs takes is answered here, so
 * that it does not reach those others.
 */
export function addFences({ routes }: Context, attached: readonly Attached[]): void {
  const fences = new Map<string, Attached>();
  for (const one of attached) {
    for (const { spec } of narrowerThan(one.gateway.listeners, one.listener)) {
      const hostname = spec.hostname ?? "";
      if (one.hostnames.some((wide) => wide !== hostname && covers(wide, hostname))) {
        const { namespace, name } = one.gateway.gateway.metadata;
        fences.set(`${namespace}/${name}/${hostname}/${SUFFIXES[one.listener.scheme]}`, one);
      }
    }
  }
  for (const key of [...fences.keys()].toSorted()) {
    const [namespace = "", name = "", hostname = ""] = key.split("/");
    routes.push({
      key: `Gateway/${key}`,
      source: { kind: "Gateway", namespace, name },
      hostnames: [hostname],
      schemes: [fences.get(key)!.listener.scheme],
      rules: [{ priority: LAST, filters: [{ filter: { case: "directResponse", value: { status: 404 } } }] }],
    });
  }
}

/** Below any that rules have. */
export const LAST = -1_000_000;

const SUFFIXES = ["", "http", "https"] as const;

function narrowerThan<L extends Attached["listener"]>(listeners: readonly L[], { spec }: L): L[] {
  const hostname = spec.hostname ?? "";
  return listeners.filter(
    (other) =>
      other.problems.length === 0 &&
      other.spec.port === spec.port &&
      other.spec.hostname !== undefined &&
      other.spec.hostname !== hostname &&
      covers(hostname, other.spec.hostname),
  );
}
