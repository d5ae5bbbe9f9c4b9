import type { Clock, Random } from "./clock.ts";

/** At least this long from the end of a run to the next: what changes meanwhile is one run's work. */
const MIN_PAUSE_MS = 20;
const MAX_PAUSE_MS = 1_000;
const FIRST_RETRY_MS = 100;
const MAX_RETRY_MS = 10_000;

export interface LoopOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Milliseconds from the first change to the run: changes come in bursts. */
  readonly holdOffMs: number;
  /** Rebuilds all and hands it on. Resolves to whether to try again later. Never rejects. */
  readonly run: () => Promise<"done" | "retry">;
}

/**
 * Runs after something changed, one run at a time, and once more if something changed meanwhile. After a run it pauses
 * for as long as that took: while changes never end, at most half of the time is spent on them, and the dearer a run
 * is, the more changes it serves. When a run asks for it, tries again after a delay that doubles, with full jitter so
 * that agents that lost their edge together do not come back together; a change does not wait for that.
 */
export class Loop {
  readonly #options: LoopOptions;
  /** When the first change that no run has seen came. */
  #changedAt: number | undefined;
  /** The end of the pause after the last run. */
  #restedAt = 0;
  #running = false;
  #retries = 0;
  #cancelTimer: (() => void) | undefined;
  #closed = false;

  constructor(options: LoopOptions) {
    this.#options = options;
  }

  /** Something that matters changed. */
  changed(): void {
    if (this.#closed || this.#changedAt !== undefined) return;
    this.#changedAt = this.#options.clock.now();
    if (!this.#running) this.#runForChange(this.#changedAt);
  }

  close(): void {
    this.#closed = true;
    this.#cancelTimer?.();
  }

  #runForChange(changedAt: number): void {
    const { clock, holdOffMs } = this.#options;
    this.#runAfter(Math.max(0, Math.max(changedAt + holdOffMs, this.#restedAt) - clock.now()));
  }

  #runAfter(ms: number): void {
    this.#cancelTimer?.();
    this.#cancelTimer = this.#options.clock.after(ms, () => void this.#run());
  }

  async #run(): Promise<void> {
    const { clock, run } = this.#options;
    this.#running = true;
    this.#changedAt = undefined;
    const began = clock.now();
    const result = await run();
    this.#running = false;
    if (this.#closed) return;
    this.#restedAt = clock.now() + Math.min(MAX_PAUSE_MS, Math.max(MIN_PAUSE_MS, clock.now() - began));
    if (result === "done") this.#retries = 0;
    if (this.#changedAt !== undefined) this.#runForChange(this.#changedAt);
    else if (result === "retry") this.#retry();
  }

  #retry(): void {
    const limit = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(this.#retries, 16));
    this.#retries += 1;
    this.#runAfter(limit * this.#options.random());
  }
}
