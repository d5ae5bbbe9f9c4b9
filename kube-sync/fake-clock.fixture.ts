import type { Clock } from "./clock.ts";

/** Time that passes when a test says so. */
export class FakeClock implements Clock {
  #now = 0;
  readonly #timers = new Set<{ at: number; run: () => void }>();

  now(): number {
    return this.#now;
  }

  after(ms: number, run: () => void): () => void {
    const timer = { at: this.#now + ms, run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Lets `ms` pass. Timers run in their order, and what they wake runs before the next. */
  async pass(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      // oxlint-disable-next-line no-await-in-loop -- one timer after the other
      await settle();
      const [next] = [...this.#timers].filter(({ at }) => at <= end).toSorted((a, b) => a.at - b.at);
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#now = next.at;
      next.run();
    }
    this.#now = end;
  }
}

/** Everything that is ready to run has run. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
