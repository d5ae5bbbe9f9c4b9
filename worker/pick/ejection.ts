/** Passive health: an endpoint whose calls fail in a row gets none for a while, which is longer each time. */

/** As OutlierDetection of the route table has it. */
export interface EjectionPolicy {
  readonly consecutiveFailures: number;
  /** Milliseconds; the n-th is n times as long. */
  readonly baseEjectionMs: number;
}

/** One endpoint's record. */
export class Ejection {
  #failures = 0;
  #times = 0;
  #until = -Infinity;

  /** When it gets calls again; in the past if it gets them. */
  get until(): number {
    return this.#until;
  }

  succeeded(): void {
    this.#failures = 0;
  }

  /**
   * A call failed at `now`. Returns whether the endpoint is ejected by that.
   *
   * @param spare whether the backend can do without one more endpoint
   */
  failed(now: number, policy: EjectionPolicy, spare: () => boolean): boolean {
    if (now < this.#until || ++this.#failures < policy.consecutiveFailures || !spare()) return false;
    // For every base time that it did well it is forgiven one ejection.
    const forgiven = Math.floor((now - this.#until) / policy.baseEjectionMs);
    this.#times = Math.max(0, this.#times - forgiven) + 1;
    this.#until = now + this.#times * policy.baseEjectionMs;
    this.#failures = 0;
    return true;
  }
}

/** Whether one more of `total` endpoints may be ejected beside `ejected`: one may in any case. */
export function mayEject(ejected: number, total: number, maxPercent: number): boolean {
  return ejected < Math.max(1, Math.floor((total * maxPercent) / 100));
}
