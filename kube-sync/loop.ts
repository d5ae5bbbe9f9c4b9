import type { Clock, Random } from "./clock.ts";

/** Changes come in bursts: this long without one, a burst is over. */
const HOLD_OFF_MS = 20;
/** A burst that does not end is answered after this. */
const MAX_HOLD_OFF_MS = 200;
const FIRST_RETRY_MS = 100;
const MAX_RETRY_MS = 10_000;

export interface LoopOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Rebuilds all and hands it on. Resolves to whether to try again later. Never rejects. */
  readonly run: () => Promise<"done" | "retry">;
}

/**
 * Runs after something changed: holds off while more changes come, runs one at a time, and once more if something
 * changed meanwhile. When a run asks for it, tries again after a delay that doubles, with full jitter so that agents
 * that lost their edge together do not come back together; a change does not wait for that.
 */
export class Loop {
  readonly #options: LoopOptions;
  /** When the first change that no run has seen came. */
  #changedAt: number | undefined;
  #running = false;
  #retries = 0;
  #cancelTimer: (() => void) | undefined;
  #closed = false;

  constructor(options: LoopOptions) {
    this.#options = options;
  }

  /** Something that matters changed. */
  changed(): void {
    if (this.#closed) return;
    const now = this.#options.clock.now();
    this.#changedAt ??= now;
    if (this.#running) return;
    const left = this.#changedAt + MAX_HOLD_OFF_MS - now;
    this.#runAfter(Math.max(0, Math.min(HOLD_OFF_MS, left)));
  }

  close(): void {
    this.#closed = true;
    this.#cancelTimer?.();
  }

  #runAfter(ms: number): void {
    this.#cancelTimer?.();
    this.#cancelTimer = this.#options.clock.after(ms, () => void this.#run());
  }

  async #run(): Promise<void> {
    this.#running = true;
    this.#changedAt = undefined;
    const result = await this.#options.run();
    this.#running = false;
    if (this.#closed) return;
    if (result === "done") this.#retries = 0;
    if (this.#changedAt !== undefined) this.changed();
    else if (result === "retry") this.#retry();
  }

  #retry(): void {
    const limit = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(this.#retries, 16));
    this.#retries += 1;
    this.#runAfter(limit * this.#options.random());
  }
}
