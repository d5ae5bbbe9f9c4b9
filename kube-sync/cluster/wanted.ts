import type { Push } from "../agent.ts";
import type { ObjectRef } from "../objects/object.ts";
import { keyOfRef } from "../objects/object.ts";
import type { Condition, ObjectStatus, ParentStatus } from "../translate/status.ts";
import { programmed } from "../translate/status.ts";
import type { Withheld } from "../withheld.ts";
import { withheldBySource } from "../withheld.ts";
import type { Merge } from "./status-merge.ts";
import {
  clearIngress,
  mergeAncestors,
  mergeConditions,
  mergeGateway,
  mergeIngress,
  mergeParents,
} from "./status-merge.ts";

/**
 * What all objects should say after a push, by object key. `address`: where the edge answers, if that is to be told.
 * What an object should say as it should before is the same function.
 */
export function wantedAfter({ translation, outcome }: Push, address: string | undefined): Map<string, Merge> {
  const { statuses, table } = translation;
  const served = outcome.kind === "accepted" ? outcome : undefined;
  const withheld = withheldBySource(served?.withheld ?? [], table);
  const wanted = new Map<string, Merge>();
  for (const status of statuses) {
    const key = keyOfRef(status);
    const at = served === undefined ? undefined : address;
    const reasons = withheld.get(key);
    const settled = status.kind !== "Gateway" && reasons === undefined;
    const known = settled ? settledMerges.get(status) : undefined;
    const merge = known ?? mergeOf(finished(status, served?.revision, reasons), at);
    if (settled) settledMerges.set(status, merge);
    wanted.set(key, merge);
  }
  if (address === undefined) return wanted;
  for (const { source } of table.routes) {
    // While it is not known whether the edge serves it, it says what it said.
    if (source?.kind !== "Ingress") continue;
    const key = keyOfRef(source);
    const { serve, clear } = ingressMerges(address);
    wanted.set(key, served === undefined ? KEEP : withheld.get(key)?.all === true ? clear : serve);
  }
  return wanted;
}

/** What an object should say that no push speaks of: nothing of Edgeway's. */
export function unwanted({ kind }: ObjectRef, address: string | undefined): Merge | undefined {
  if (kind === "HTTPRoute" || kind === "GRPCRoute") return NO_PARENTS;
  if (kind === "BackendTLSPolicy") return NO_ANCESTORS;
  return kind === "Ingress" && address !== undefined ? ingressMerges(address).clear : undefined;
}

const NO_PARENTS = mergeParents([]);
const NO_ANCESTORS = mergeAncestors([]);
const KEEP: Merge = () => undefined;

/** Of statuses that say the same whatever the revision. */
const settledMerges = new WeakMap<ObjectStatus, Merge>();

let ingressAt: { readonly address: string; readonly serve: Merge; readonly clear: Merge } | undefined;

/** Those of the last address: an agent has but one. */
function ingressMerges(address: string) {
  if (ingressAt?.address !== address) {
    ingressAt = { address, serve: mergeIngress(address), clear: clearIngress(address) };
  }
  return ingressAt;
}

function mergeOf(status: ObjectStatus, address: string | undefined): Merge {
  const { kind, conditions = [], listeners = [], parents = [], ancestors = [] } = status;
  switch (kind) {
    case "GatewayClass":
      return mergeConditions(conditions);
    case "Gateway":
      return mergeGateway({ conditions, listeners, address });
    case "BackendTLSPolicy":
      return mergeAncestors(ancestors);
    case "HTTPRoute":
    case "GRPCRoute":
      return mergeParents(parents);
  }
}

/** `revision`: the first in which the edge serves it; undefined while it is not known to. */
function finished(status: ObjectStatus, revision: bigint | undefined, withheld: Withheld | undefined): ObjectStatus {
  const finish = (conditions: readonly Condition[]) =>
    revision === undefined ? conditions : conditions.map((condition) => programmed(condition, revision));
  return {
    ...status,
    ...(status.conditions && { conditions: finish(status.conditions) }),
    ...(status.listeners && {
      listeners: status.listeners.map((each) => ({ ...each, conditions: finish(each.conditions) })),
    }),
    ...(status.parents && withheld && { parents: status.parents.map((parent) => withheldParent(parent, withheld)) }),
  };
}

const NOT_GRANTED = "HostnameNotGranted";

function withheldParent(parent: ParentStatus, { reason, all }: Withheld): ParentStatus {
  const accepted = parent.conditions.find(({ type }) => type === "Accepted");
  if (accepted?.status !== "True") return parent;
  const others = parent.conditions.filter(({ type }) => type !== (all ? "Accepted" : "PartiallyInvalid"));
  const about = { reason: NOT_GRANTED, observedGeneration: accepted.observedGeneration };
  const said: Condition = all
    ? { ...about, type: "Accepted", status: "False", message: reason }
    : { ...about, type: "PartiallyInvalid", status: "True", message: `Dropped Rule: ${reason}` };
  return { ...parent, conditions: [said, ...others] };
}
