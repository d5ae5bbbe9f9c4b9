import { isIP } from "node:net";
import { isDeepStrictEqual } from "node:util";
import { anything, either, integer, listOrEmpty, part, string } from "../objects/read.ts";
import type { Problem, Reader } from "../objects/read.ts";
import { GATEWAY_CONTROLLER } from "../translate/context.ts";
import type { AncestorStatus, Condition, ListenerStatus, ParentStatus } from "../translate/status.ts";

/** A condition as the API server keeps it. */
type Dated = Condition & { readonly lastTransitionTime: string };

type Fields = Readonly<Record<string, unknown>>;

/**
 * Each gives the fields of an object's `status` that have to change, or undefined if none has. `current` is the status
 * as the API server has it; `now` the time of what changes, RFC 3339.
 */
export type Merge = (current: unknown, now: string) => Fields | undefined;

export function mergeConditions(wanted: readonly Condition[]): Merge {
  return (current, now) => {
    const { conditions } = readLoosely(withConditions, current);
    return changed({ conditions }, { conditions: dated(conditions, wanted, now) });
  };
}

export interface GatewayStatus {
  readonly conditions: readonly Condition[];
  readonly listeners: readonly ListenerStatus[];
  /** Where the edge answers; undefined if that is not to be told. */
  readonly address: string | undefined;
}

export function mergeGateway({ conditions, listeners, address }: GatewayStatus): Merge {
  return (current, now) => {
    const before = readLoosely(gatewayStatus, current);
    const conditionsOf = (name: string) =>
      before.listeners.map((one) => readLoosely(listenerStatus, one)).find((one) => one.name === name)?.conditions ??
      [];
    const after = {
      conditions: dated(before.conditions, conditions, now),
      listeners: listeners.map((each) => ({
        ...each,
        conditions: dated(conditionsOf(each.name), each.conditions, now),
      })),
      ...(address !== undefined && { addresses: [{ type: isIP(address) ? "IPAddress" : "Hostname", value: address }] }),
    };
    return changed(before, after);
  };
}

/** Other controllers' parents stay as they are; with none of its own, the controller's are taken away. */
export function mergeParents(wanted: readonly ParentStatus[]): Merge {
  return mergeOwn("parents", "parentRef", wanted);
}

/** Of a policy, likewise. */
export function mergeAncestors(wanted: readonly AncestorStatus[]): Merge {
  return mergeOwn("ancestors", "ancestorRef", wanted);
}

/** The entries of `list` are by controller and `ref`. */
function mergeOwn(list: string, ref: string, wanted: readonly (ParentStatus | AncestorStatus)[]): Merge {
  const reader = part({ [list]: listOrEmpty(anything) });
  return (current, now) => {
    const { [list]: entries = [] } = readLoosely(reader, current);
    const isOwn = (entry: unknown) => fieldOf(entry, "controllerName") === GATEWAY_CONTROLLER;
    const own = entries.filter(isOwn);
    const next = wanted.map((entry) => {
      const before = own.find((each) => isDeepStrictEqual(fieldOf(each, ref), fieldOf(entry, ref)));
      return { ...entry, conditions: dated(readLoosely(withConditions, before).conditions, entry.conditions, now) };
    });
    return changed({ [list]: entries }, { [list]: [...entries.filter((entry) => !isOwn(entry)), ...next] });
  };
}

function fieldOf(value: unknown, field: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, field) : undefined;
}

/** `status.loadBalancer` of an Ingress that the edge serves at `address`. */
export function mergeIngress(address: string): Merge {
  return (current) => {
    const after = { ingress: [isIP(address) ? { ip: address } : { hostname: address }] };
    return changed(readLoosely(ingressStatus, current), { loadBalancer: after });
  };
}

/** Takes the edge's address from an Ingress that it no longer serves, if nobody has put another there. */
export function clearIngress(address: string): Merge {
  return (current, now) => (mergeIngress(address)(current, now) ? undefined : { loadBalancer: { ingress: [] } });
}

function changed(before: Fields, after: Fields): Fields | undefined {
  return Object.entries(after).every(([name, value]) => isDeepStrictEqual(before[name], value)) ? undefined : after;
}

/** With the time of their last transition, which is that of the condition before where the status is the same. */
function dated(before: readonly unknown[], wanted: readonly Condition[], now: string): Dated[] {
  const known = before.map((raw) => readLoosely(condition, raw));
  return wanted.map((next) => {
    const last = known.find(({ type }) => type === next.type);
    if (last === undefined) return { ...next, lastTransitionTime: now };
    const { status, reason, message } = stillServed(last, next) ? last : next;
    const lastTransitionTime = last.status === status ? last.lastTransitionTime : now;
    return { ...next, status: status as Condition["status"], reason, message, lastTransitionTime };
  });
}

/**
 * What the edge serves as of some revision it still serves in a later one, and also while that is not known, so long
 * as the object is the same.
 */
function stillServed(last: Omit<Condition, "status"> & { readonly status: string }, next: Condition): boolean {
  return (
    next.type === "Programmed" &&
    (next.status === "True" || next.reason === "Pending") &&
    last.status === "True" &&
    last.observedGeneration === next.observedGeneration
  );
}

const condition = part({
  type: either(string, ""),
  status: either(string, ""),
  reason: either(string, ""),
  message: either(string, ""),
  observedGeneration: either(integer(0, Number.MAX_SAFE_INTEGER), 0),
  lastTransitionTime: either(string, ""),
});
const withConditions = part({ conditions: listOrEmpty(anything) });
const listenerStatus = part({ name: either(string, ""), conditions: listOrEmpty(anything) });
const gatewayStatus = part({
  conditions: listOrEmpty(anything),
  listeners: listOrEmpty(anything),
  addresses: listOrEmpty(anything),
});
const ingressStatus = part({ loadBalancer: either(anything, undefined) });

/** What there is of a status: anybody may have written it, and an absent one is empty. */
function readLoosely<T>(reader: Reader<T>, value: unknown): T {
  const problems: Problem[] = [];
  const result = reader(value ?? {}, "", problems);
  return problems.length === 0 ? result : reader({}, "", []);
}
