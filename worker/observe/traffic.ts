/** The calls of the whole edge as one place knows them: totals, the last minutes, who failed, what is open. */
import type { PoolStats } from "../call/pool-stats.ts";
import type { CallObserver, CallRecord } from "./call.ts";
import { isError, type OpenCalls, Tally, type TallyRow, routeKey } from "./tally.ts";

/** A failed call, for people to read. */
export interface FailedCall {
  readonly time: number;
  readonly protocol: string;
  readonly authority: string;
  readonly path: string;
  readonly route: string;
  readonly backend: string;
  readonly endpoint: string;
  readonly attempts: number;
  readonly httpStatus: number | undefined;
  readonly grpcStatus: number | undefined;
  readonly side: string;
  readonly reason: string;
  readonly durationMs: number;
  readonly traceId: string;
}

/** What one isolate tells: what it counted since the last report, and what is so now. Plain data. */
export interface TrafficReport {
  /** The isolate's name; its last report stands for what it has now. */
  readonly source: string;
  readonly rows: readonly TallyRow[];
  readonly failed: readonly FailedCall[];
  readonly open: readonly OpenCalls[];
  readonly pools: readonly PoolStats[];
  /** Limits of HTTP/2 that origins passed, by name, in all. */
  readonly http2: Readonly<Record<string, number>>;
  /** In all. */
  readonly spansDropped: number;
}

/** What an isolate tells of itself besides the calls. */
export type IsolateState = Pick<TrafficReport, "source" | "pools" | "http2" | "spansDropped">;

/** Failed calls that a report has at most, and that are kept. */
const mostFailed = 100;
/** Isolates whose last report is kept. */
const mostSources = 2_000;
/** Milliseconds that a slot of the history has, and how many slots are kept: five minutes. */
export const slotMs = 2_000;
const mostSlots = 150;
/** Rows of all slots together: what the history may cost. */
const mostSlotRows = 30_000;

/** Counts the calls of one isolate, and reports them. */
export class TrafficCounter implements CallObserver {
  readonly #tally = new Tally();
  #failed: FailedCall[] = [];

  began(call: CallRecord): void {
    this.#tally.began(call);
  }

  ended(call: CallRecord): void {
    this.#tally.ended(call);
    if (isFailed(call) && this.#failed.length < mostFailed) this.#failed.push(failedCall(call));
  }

  /** What was counted since the last time this was asked. */
  take(now: IsolateState): TrafficReport {
    const failed = this.#failed;
    this.#failed = [];
    return { ...now, rows: this.#tally.take(), failed, open: this.#tally.open };
  }
}

/** Errors, and what the edge refused: a request that no rule takes is seldom what its caller meant. */
function isFailed(call: CallRecord): boolean {
  return isError(call) || call.side === "edge";
}

/** Longer reasons say no more. */
const maxReason = 300;

function failedCall(call: CallRecord): FailedCall {
  const { time, protocol, authority, path, attempts, httpStatus, grpcStatus, durationMs } = call;
  return {
    time,
    protocol,
    authority: authority.slice(0, maxReason),
    path: path.slice(0, maxReason),
    route: routeKey(call.rule),
    backend: call.backend ?? "",
    endpoint: call.endpoint ?? "",
    attempts,
    httpStatus,
    grpcStatus,
    side: call.side ?? "origin",
    reason: (call.reason ?? "").slice(0, maxReason),
    durationMs,
    traceId: call.trace?.traceId ?? "",
  };
}

/** The calls that ended in `slotMs` from `at` on. */
export interface TrafficSlot {
  /** Unix milliseconds. */
  readonly at: number;
  /** Calls under way at its end. */
  readonly open: number;
  readonly rows: readonly TallyRow[];
}

/** What is known of the traffic. Plain data: it crosses to the isolate that is asked. */
export interface TrafficView {
  /** All calls since the beginning, but for routes that made room for newer ones. */
  readonly totals: readonly TallyRow[];
  /** Calls under way. */
  readonly open: readonly OpenCalls[];
  readonly pools: readonly PoolStats[];
  readonly http2: Readonly<Record<string, number>>;
  readonly spansDropped: number;
  /** The last ones, oldest first. */
  readonly failed: readonly FailedCall[];
  readonly slots: readonly TrafficSlot[];
}

/** Gathers what isolates report. */
export class Traffic {
  readonly #now: () => number;
  readonly #totals = new Tally();
  readonly #sources = new Map<string, TrafficReport>();
  /** Of isolates that are gone, what they counted in all: counters must not fall. */
  readonly #past = { http2: {} as Record<string, number>, spansDropped: 0 };
  #failed: FailedCall[] = [];
  #current: { at: number; tally: Tally } | undefined;
  #slots: TrafficSlot[] = [];

  /** @param now Unix milliseconds */
  constructor(now: () => number) {
    this.#now = now;
  }

  add(report: TrafficReport): void {
    this.#turn();
    this.#totals.add(report.rows, this.#now());
    this.#current!.tally.add(report.rows);
    if (report.failed.length > 0) this.#failed = [...this.#failed, ...report.failed].slice(-mostFailed);
    this.#sources.delete(report.source);
    this.#sources.set(report.source, { ...report, rows: [], failed: [] });
    if (this.#sources.size > mostSources) this.gone(this.#sources.keys().next().value!);
  }

  /** An isolate is no more, and its calls and connections with it. */
  gone(source: string): void {
    const last = this.#sources.get(source);
    if (last === undefined) return;
    this.#sources.delete(source);
    this.#past.spansDropped += last.spansDropped;
    addCounts(this.#past.http2, last.http2);
  }

  /** @param since Unix milliseconds: of the slots, those that begin later */
  view(since: number): TrafficView {
    this.#turn();
    return {
      totals: [...this.#totals.rows],
      open: this.#open(),
      pools: this.#pools(),
      http2: this.#http2(),
      spansDropped: [this.#past, ...this.#sources.values()].reduce((sum, source) => sum + source.spansDropped, 0),
      failed: this.#failed,
      slots: this.#slots.filter(({ at }) => at > since),
    };
  }

  #open(): OpenCalls[] {
    const sums = new Map<string, number>();
    for (const source of this.#sources.values())
      for (const { route, count } of source.open) sums.set(route, (sums.get(route) ?? 0) + count);
    return Array.from(sums, ([route, count]) => ({ route, count }));
  }

  /** By backend and address: several isolates have connections to the same one. */
  #pools(): PoolStats[] {
    const sums = new Map<string, PoolStats>();
    for (const { pools } of this.#sources.values()) {
      for (const pool of pools) {
        const key = `${pool.backend} ${pool.protocol} ${pool.host} ${pool.port}`;
        const sum = sums.get(key);
        sums.set(key, sum === undefined ? pool : addPools(sum, pool));
      }
    }
    return [...sums.values()];
  }

  #http2(): Readonly<Record<string, number>> {
    const sums: Record<string, number> = {};
    for (const { http2 } of [this.#past, ...this.#sources.values()]) addCounts(sums, http2);
    return sums;
  }

  /** Begins a new slot if the last one's time is over. */
  #turn(): void {
    const at = Math.floor(this.#now() / slotMs) * slotMs;
    if (this.#current?.at === at) return;
    if (this.#current !== undefined) {
      const rows = this.#current.tally.take();
      const open = this.#open().reduce((sum, { count }) => sum + count, 0);
      if (rows.length > 0 || open > 0) this.#slots.push({ at: this.#current.at, open, rows });
      this.#forget(at);
    }
    this.#current = { at, tally: new Tally() };
  }

  #forget(now: number): void {
    let kept = this.#slots.filter(({ at }) => at >= now - mostSlots * slotMs);
    let rows = kept.reduce((sum, slot) => sum + slot.rows.length, 0);
    while (rows > mostSlotRows) rows -= kept.shift()!.rows.length;
    this.#slots = kept;
  }
}

function addCounts(to: Record<string, number>, counts: Readonly<Record<string, number>>): void {
  for (const [name, count] of Object.entries(counts)) to[name] = (to[name] ?? 0) + count;
}

/** Whoever finds an endpoint not well is believed. */
function addPools(a: PoolStats, b: PoolStats): PoolStats {
  return {
    ...a,
    connections: a.connections + b.connections,
    calls: a.calls + b.calls,
    waiting: a.waiting + b.waiting,
    state: a.state === "well" ? b.state : a.state,
  };
}
