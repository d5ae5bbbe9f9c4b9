/** How long a connection lives: keepalive, the idle limit, and peers that make no progress. */
import type { Clock } from "../call/clock.ts";
import type { Http2Limits } from "./limits.ts";

export interface Lifetime {
  /** PING after this long without a byte from the peer, milliseconds. Never if undefined. */
  readonly keepaliveMs?: number | undefined;
  /** The connection is lost if no answer to such a PING comes within this, milliseconds. */
  readonly keepaliveTimeoutMs?: number | undefined;
  /** Whether keepalive goes on while no request is under way. */
  readonly keepaliveWithoutCalls?: boolean | undefined;
  /** The connection drains after this long without a request, milliseconds. Never if undefined. */
  readonly idleMs?: number | undefined;
}

const defaultKeepaliveTimeoutMs = 20_000;

/** What a life needs to know of its connection, and may do to it. */
export interface Living {
  readonly closed: boolean;
  readonly activeStreams: number;
  /** Whether the peer owes the rest of a frame or field block; `units` counts those it completed. */
  readonly unfinished: boolean;
  readonly units: number;
  /** Bytes that have left; undefined: the transport cannot tell. */
  readonly moved: number | undefined;
  ping(acked: () => void): void;
  drain(): void;
  /** The peer is as good as dead. */
  abandon(why: string): void;
  /** The peer did nothing within the time that `limit` gives. */
  stall(limit: "readStallMs" | "writeStallMs"): void;
  /** Breaks off the streams whose bytes wait since before `time`. Returns whether any wait at all. */
  stallStreams(time: number): boolean;
}

export class Life {
  readonly #living: Living;
  readonly #lifetime: Lifetime;
  readonly #limits: Http2Limits;
  readonly #clock: Clock;
  readonly #timers = new Map<string, () => void>();
  #heardAt: number;
  #idleSince: number;
  /** The unit that has begun and not ended: its number and when. */
  #watchedUnit = -1;
  #begunAt = 0;

  constructor(living: Living, lifetime: Lifetime, limits: Http2Limits, clock: Clock) {
    this.#living = living;
    this.#lifetime = lifetime;
    this.#limits = limits;
    this.#clock = clock;
    this.#heardAt = clock.now();
    this.#idleSince = this.#heardAt;
  }

  begin(): void {
    const { keepaliveMs, idleMs } = this.#lifetime;
    if (keepaliveMs !== undefined) this.#after("keepalive", keepaliveMs, () => this.#keepAlive(keepaliveMs));
    if (idleMs !== undefined) this.#after("idle", idleMs, () => this.#idle(idleMs));
    this.#watchReading();
  }

  end(): void {
    for (const stop of this.#timers.values()) stop();
    this.#timers.clear();
  }

  /** Bytes came in, and were handled. */
  heard(): void {
    if (this.#lifetime.keepaliveMs !== undefined) this.#heardAt = this.#clock.now();
    if (this.#living.unfinished) this.#watchReading();
  }

  /** The last request ended. */
  idle(): void {
    if (this.#lifetime.idleMs !== undefined) this.#idleSince = this.#clock.now();
  }

  /** Finds out whether the peer is still there. */
  probe(timeoutMs: number, alive: () => void): void {
    this.#after("probe", timeoutMs, () => this.#living.abandon(`no answer to a PING within ${timeoutMs} ms`));
    this.#living.ping(() => {
      this.#stop("probe");
      alive();
    });
  }

  /** The transport is backed up. If it can tell, it has as long as it moves: a peer may be slow. */
  blocked(): void {
    const { moved } = this.#living;
    this.#after("write", this.#limits.writeStallMs, () => {
      if (this.#living.moved === moved) this.#living.stall("writeStallMs");
      else this.blocked();
    });
  }

  unblocked(): void {
    this.#stop("write");
  }

  /** A stream's bytes wait for the peer's window. */
  waiting(): void {
    if (this.#timers.has("streams")) return;
    const { sendStallMs } = this.#limits;
    this.#after("streams", sendStallMs / 4, () => {
      if (this.#living.stallStreams(this.#clock.now() - sendStallMs)) this.waiting();
    });
  }

  /** Has an eye on the unit that the peer began; the timer is left to run from unit to unit. */
  #watchReading(): void {
    const { units } = this.#living;
    if (units !== this.#watchedUnit) {
      this.#watchedUnit = units;
      this.#begunAt = this.#clock.now();
    }
    if (!this.#timers.has("read")) this.#after("read", this.#limits.readStallMs, () => this.#checkReading());
  }

  #checkReading(): void {
    const { unfinished, units } = this.#living;
    if (!unfinished || units !== this.#watchedUnit) return;
    const left = this.#begunAt + this.#limits.readStallMs - this.#clock.now();
    if (left > 0) this.#after("read", left, () => this.#checkReading());
    else this.#living.stall("readStallMs");
  }

  #keepAlive(intervalMs: number): void {
    const quiet = this.#clock.now() - this.#heardAt;
    const wanted = this.#living.activeStreams > 0 || this.#lifetime.keepaliveWithoutCalls === true;
    if (quiet < intervalMs || !wanted) {
      const next = quiet < intervalMs ? intervalMs - quiet : intervalMs;
      this.#after("keepalive", next, () => this.#keepAlive(intervalMs));
      return;
    }
    const timeoutMs = this.#lifetime.keepaliveTimeoutMs ?? defaultKeepaliveTimeoutMs;
    this.#after("keepalive", timeoutMs, () => this.#living.abandon(`no answer to a PING within ${timeoutMs} ms`));
    this.#living.ping(() => this.#after("keepalive", intervalMs, () => this.#keepAlive(intervalMs)));
  }

  #idle(idleMs: number): void {
    const idle = this.#living.activeStreams > 0 ? 0 : this.#clock.now() - this.#idleSince;
    if (idle >= idleMs) this.#living.drain();
    else this.#after("idle", idleMs - idle, () => this.#idle(idleMs));
  }

  /** One timer of each name at a time. */
  #after(name: string, ms: number, run: () => void): void {
    this.#stop(name);
    if (this.#living.closed) return;
    const stop = this.#clock.after(ms, () => {
      this.#timers.delete(name);
      run();
    });
    this.#timers.set(name, stop);
  }

  #stop(name: string): void {
    this.#timers.get(name)?.();
    this.#timers.delete(name);
  }
}
