/**
 * How many further attempts a backend is worth: a share of its calls, so that an outage is not made worse by those who
 * try again (gRFC A6; Gateway API's XBackendTrafficPolicy, retryConstraint).
 */

/** The window, in seconds. */
const seconds = 10;
/** Further attempts per call. */
const share = 0.2;
/** Further attempts per second, however few calls there are. */
const leastPerSecond = 10;

export class RetryBudget {
  readonly #calls = new Uint32Array(seconds);
  readonly #retries = new Uint32Array(seconds);
  /** The second that the window ends with. */
  #now = 0;

  /** A call came at `now`, milliseconds. */
  called(now: number): void {
    this.#calls[this.#slot(now)]!++;
  }

  /** Whether there may be one more attempt, which is counted then. */
  withdraw(now: number): boolean {
    const slot = this.#slot(now);
    if (sum(this.#retries) >= sum(this.#calls) * share + seconds * leastPerSecond) return false;
    this.#retries[slot]!++;
    return true;
  }

  #slot(now: number): number {
    const second = Math.floor(now / 1000);
    const passed = Math.min(second - this.#now, seconds);
    for (let i = 0; i < passed; i++) {
      const slot = (second - i) % seconds;
      this.#calls[slot] = 0;
      this.#retries[slot] = 0;
    }
    if (passed > 0) this.#now = second;
    return this.#now % seconds;
  }
}

function sum(counts: Uint32Array): number {
  let total = 0;
  for (const count of counts) total += count;
  return total;
}
