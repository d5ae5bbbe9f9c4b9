import type { Scheme } from "../../../proto/gen/edgeway/v1/table_pb.js";
import type { Context, RouteInit } from "../context.ts";
import { covers } from "../hostnames.ts";
import { getOrAdd } from "../object-index.ts";
import type { Attached } from "./attach.ts";

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
export function fencesOf(context: Context, attached: readonly Attached[]): RouteInit[] {
  const fences = new Map<string, Attached>();
  const narrower = new Map<Attached["listener"], ReturnType<typeof narrowerThan>>();
  for (const one of attached) {
    const { gateway, listener } = one;
    for (const { spec } of getOrAdd(narrower, listener, () => narrowerThan(gateway.listeners, listener))) {
      const hostname = spec.hostname ?? "";
      if (one.hostnames.some((wide) => wide !== hostname && covers(wide, hostname))) {
        const { namespace, name } = gateway.gateway.metadata;
        fences.set(`${namespace}/${name}/${hostname}/${SUFFIXES[listener.scheme]}`, one);
      }
    }
  }
  return [...fences.keys()].toSorted().map((key) => {
    const { scheme } = fences.get(key)!.listener;
    return context.unit("fence", key, [scheme], (): RouteInit => fence(key, scheme));
  });
}

function fence(key: string, scheme: Scheme): RouteInit {
  const [namespace = "", name = "", hostname = ""] = key.split("/");
  return {
    key: `Gateway/${key}`,
    source: { kind: "Gateway", namespace, name },
    hostnames: [hostname],
    schemes: [scheme],
    rules: [{ priority: LAST, filters: [{ filter: { case: "directResponse", value: { status: 404 } } }] }],
  };
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
