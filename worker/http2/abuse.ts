/** Budgets for frames that cost us more than the peer, and the count of those that overdrew theirs. */
import { CallError, type Side } from "../call/error.ts";
import type { Clock } from "../call/clock.ts";
import { Code } from "../call/status.ts";
import { ConnectionError, ErrorCode } from "./error.ts";
import type { Http2Counters, Http2Limits } from "./limits.ts";

/** Limits that are budgets. */
export type Budget = Extract<keyof Http2Limits, `${string}Burst`>;

/** Part of its size that a budget regains per second. */
const refillPerSecond = 0.1;

interface Purse {
  left: number;
  filledAt: number;
  /** What had been earned when it was last paid in. */
  earned: number;
}

export class Abuse {
  readonly #limits: Http2Limits;
  readonly #counters: Http2Counters;
  readonly #clock: Clock;
  readonly #purses = new Map<Budget, Purse>();

  constructor(limits: Http2Limits, counters: Http2Counters, clock: Clock) {
    this.#limits = limits;
    this.#counters = counters;
    this.#clock = clock;
  }

  /**
   * Takes one from `budget`; throws a connection error if it is overdrawn. Useful work earns: `earned`, which only grows,
   * is paid in, so that a busy peer may do what an idle one may not.
   */
  spend(budget: Budget, earned = 0): void {
    let purse = this.#purses.get(budget);
    if (purse === undefined) {
      purse = { left: this.#limits[budget], filledAt: this.#clock.now(), earned };
      this.#purses.set(budget, purse);
    }
    if (--purse.left < 0) this.#refill(budget, purse, earned);
  }

  #refill(budget: Budget, purse: Purse, earned: number): void {
    const now = this.#clock.now();
    const size = this.#limits[budget];
    const income = ((now - purse.filledAt) / 1000) * refillPerSecond * size + earned - purse.earned;
    purse.left = Math.min(size, Math.floor(income)) - 1;
    purse.filledAt = now;
    purse.earned = earned;
    if (purse.left < 0) throw this.exceeded(budget);
  }

  /** Counts a limit that was passed, and makes the error that ends the connection for it. */
  exceeded(limit: keyof Http2Limits): ConnectionError {
    this.count(limit);
    return new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, limit);
  }

  /** The same, where only one call is ended for it. */
  exceededByCall(limit: keyof Http2Limits, why: string, side: Side): CallError {
    this.count(limit);
    return new CallError(Code.RESOURCE_EXHAUSTED, why, { side });
  }

  count(limit: keyof Http2Limits): void {
    this.#counters[limit]++;
  }
}
