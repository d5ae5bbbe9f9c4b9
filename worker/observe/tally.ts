/** Calls counted by what they have in common. Counts add up: those of many isolates make those of the edge. */
import type { RuleSource } from "../../routes/model.ts";
import type { CallObserver, CallRecord } from "./call.ts";

/** Upper bounds of the latency histogram's buckets, seconds; one more bucket has what is slower. */
export const latencyBounds: readonly number[] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30];

/** What a row's calls have in common. */
export interface TallyKey {
  /** "cluster/kind/namespace/name/ruleIndex". Empty: no rule took them. */
  readonly route: string;
  /** Empty: they went nowhere. */
  readonly backend: string;
  readonly protocol: string;
  /** gRPC's, or of plain HTTP the HTTP status, an uncommon one as "4xx"; empty: the caller left before there was one. */
  readonly status: string;
}

/** Plain data: it crosses to other isolates. */
export interface TallyRow extends TallyKey {
  calls: number;
  /** Those that somebody broke off, or that ended with an error of the server's. */
  errors: number;
  /** Sendings to origins besides the first. */
  retries: number;
  requestBytes: number;
  responseBytes: number;
  /** Sum of their durations. */
  seconds: number;
  /** Calls by duration, see {@link latencyBounds}; not cumulative. */
  readonly buckets: number[];
}

/** Calls under way. */
export interface OpenCalls {
  readonly route: string;
  count: number;
}

/** Rows that are kept apart. Calls of any more are counted under the route {@link otherRoutes}. */
const mostRows = 2_000;
export const otherRoutes = "(other)";
/**
 * Milliseconds without a call after which a row makes room for a new one. Routes come and go with the table for as long
 * as a process lives: without it, the first 2,000 rows would keep all later routes from having any. Until then whoever
 * asks for metrics has seen the row's last counts; should it have calls again, it begins at 0 as after a restart.
 */
const idleMs = 600_000;

export function routeKey(rule: RuleSource | undefined): string {
  if (rule === undefined) return "";
  return `${rule.cluster}/${rule.kind}/${rule.namespace}/${rule.name}/${rule.ruleIndex}`;
}

export class Tally implements CallObserver {
  #rows = new Map<string, TallyRow>();
  /** When rows were last added to, by their keys, the longest ago first: of those of which it is known. */
  readonly #addedAt = new Map<string, number>();
  readonly #open = new Map<string, number>();

  began(call: CallRecord): void {
    const route = routeKey(call.rule);
    this.#open.set(route, (this.#open.get(route) ?? 0) + 1);
  }

  ended(call: CallRecord): void {
    const route = routeKey(call.rule);
    const backend = call.backend ?? "";
    const open = this.#open.get(route) ?? 0;
    if (open > 1) this.#open.set(route, open - 1);
    else this.#open.delete(route);
    const row = this.#row({ route, backend, protocol: call.protocol, status: statusOf(call) });
    const seconds = call.durationMs / 1000;
    row.calls++;
    if (isError(call)) row.errors++;
    row.retries += Math.max(0, call.attempts - 1);
    row.requestBytes += call.requestBytes;
    row.responseBytes += call.responseBytes;
    row.seconds += seconds;
    row.buckets[bucketOf(seconds)]!++;
  }

  /**
   * Adds what another has counted.
   *
   * @param now milliseconds, if this goes on for so long that rows must make room
   */
  add(rows: Iterable<TallyRow>, now?: number): void {
    for (const each of rows) {
      const row = this.#row(each, now);
      row.calls += each.calls;
      row.errors += each.errors;
      row.retries += each.retries;
      row.requestBytes += each.requestBytes;
      row.responseBytes += each.responseBytes;
      row.seconds += each.seconds;
      for (let i = 0; i < row.buckets.length; i++) row.buckets[i]! += each.buckets[i] ?? 0;
    }
  }

  get rows(): IterableIterator<TallyRow> {
    return this.#rows.values();
  }

  /** Calls under way now. */
  get open(): OpenCalls[] {
    return Array.from(this.#open, ([route, count]) => ({ route, count }));
  }

  /** The rows so far; it begins anew, but for the calls under way. */
  take(): TallyRow[] {
    const rows = [...this.#rows.values()];
    this.#rows = new Map();
    this.#addedAt.clear();
    return rows;
  }

  #row({ route, backend, protocol, status }: TallyKey, now?: number): TallyRow {
    const key = `${route} ${backend} ${protocol} ${status}`;
    const known = this.#rows.get(key);
    if (known === undefined && route !== otherRoutes && !this.#hasRoom(now))
      return this.#row({ route: otherRoutes, backend: "", protocol, status }, now);
    if (now !== undefined) {
      this.#addedAt.delete(key);
      this.#addedAt.set(key, now);
    }
    if (known !== undefined) return known;
    const buckets = Array.from({ length: latencyBounds.length + 1 }, () => 0);
    const totals = { calls: 0, errors: 0, retries: 0, requestBytes: 0, responseBytes: 0, seconds: 0 };
    const row: TallyRow = { route, backend, protocol, status, ...totals, buckets };
    this.#rows.set(key, row);
    return row;
  }

  /** Makes some if it can. */
  #hasRoom(now = 0): boolean {
    while (this.#rows.size >= mostRows) {
      const [key, addedAt] = this.#addedAt.entries().next().value ?? ["", Infinity];
      if (addedAt > now - idleMs) return false;
      this.#addedAt.delete(key);
      this.#rows.delete(key);
    }
    return true;
  }
}

/** HTTP statuses that rows tell apart: the common ones. */
const knownStatuses: ReadonlySet<number> = new Set([
  101, 200, 201, 202, 204, 206, 301, 302, 303, 304, 307, 308, 400, 401, 403, 404, 405, 406, 408, 409, 410, 412, 413,
  414, 415, 416, 422, 425, 426, 428, 429, 431, 499, 500, 501, 502, 503, 504,
]);

/** Any more are told by their class: an origin may have as many as callers like to see. */
function statusOf({ protocol, grpcStatus, httpStatus }: CallRecord): string {
  if (protocol !== "http") return String(grpcStatus ?? "");
  if (httpStatus === undefined || knownStatuses.has(httpStatus)) return String(httpStatus ?? "");
  return `${Math.floor(httpStatus / 100)}xx`;
}

/** gRPC statuses that say that the server is at fault: UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS. */
const serverErrors: ReadonlySet<number> = new Set([2, 4, 12, 13, 14, 15]);

/** As OpenTelemetry's RPC conventions tell a server's errors from a caller's own. */
export function isError({ protocol, grpcStatus, httpStatus, side }: CallRecord): boolean {
  if (protocol !== "http") return grpcStatus !== undefined && serverErrors.has(grpcStatus);
  if (httpStatus !== undefined && httpStatus >= 400) return httpStatus >= 500;
  return side === "edge" || side === "origin";
}

function bucketOf(seconds: number): number {
  const index = latencyBounds.findIndex((bound) => seconds <= bound);
  return index < 0 ? latencyBounds.length : index;
}
