import type { GuardSpec } from "../objects/guards.ts";
import { targetsOf } from "../objects/guards.ts";
import { keyOf, keyOfRef } from "../objects/object.ts";
import type { Context } from "./context.ts";
import { sayAbout } from "./context.ts";
import type { Guard } from "./object-index.ts";

/**
 * Objects that say who may call a gateway, or what is behind it. The edge stands in for the gateway and does not check
 * what they ask for: so what they are for is not served, rather than to everyone.
 */

/** Why what they are for is not served, which is reported of each. */
export function refusedFor(context: Context, [first, ...others]: readonly [Guard, ...Guard[]]): string {
  for (const guard of [first, ...others])
    sayAbout(context, guard)("error", "", "the edge does not check who may call: what it is for answers with an error");
  return `${first.kind} ${first.metadata.namespace}/${first.metadata.name} says who may call, which the edge does not check`;
}

/** A gateway's pods. */
export interface Pods {
  /** As far as they are known. */
  readonly labels: Readonly<Record<string, string>>;
  /** Policies of these namespaces are theirs unless labels keep them apart; others only if they select a known label. */
  readonly namespaces: readonly string[];
}

/** Of Istio's policies those that are for some pods, or may be. */
export function guardsOfPods(policies: readonly Guard[], { labels, namespaces }: Pods): Guard[] {
  return policies.filter(({ kind, metadata, spec }) => {
    if (kind === "SecurityPolicy" || targetsOf(spec).length > 0) return false;
    const wanted = Object.entries(spec.selector?.matchLabels ?? {});
    return (
      wanted.every(([key, value]) => (labels[key] ?? value) === value) &&
      (namespaces.includes(metadata.namespace) || wanted.some(([key, value]) => labels[key] === value))
    );
  });
}

/** Whether Envoy Gateway's selectors take an object. */
export function isSelected({ targetSelectors }: GuardSpec, kind: string, labels: Pods["labels"]): boolean {
  return targetSelectors.some(
    (each) => each.kind === kind && Object.entries(each.matchLabels).every(([key, value]) => labels[key] === value),
  );
}

/** Those that are for nothing that the edge serves, such as the pods of an application. */
export function reportIdleGuards(context: Context): void {
  const { objects, report } = context;
  const kinds = ["AuthorizationPolicy", "RequestAuthentication", "SecurityPolicy"] as const;
  const guards = kinds.flatMap((kind): readonly Guard[] => objects.all(kind));
  if (guards.length === 0) return;
  const told = new Set(report.map(({ source }) => keyOfRef(source)));
  for (const guard of guards) {
    if (told.has(keyOf(guard))) continue;
    context.unit("idle guard", guard, [], (own) =>
      sayAbout(own, guard)("info", "", "is not read: it is for nothing that the edge serves"),
    );
  }
}
