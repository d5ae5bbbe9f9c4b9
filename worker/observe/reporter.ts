/** Hands on what one isolate counts, at most once a second and only if there is something new. */
import type { Clock } from "../call/clock.ts";
import type { CallObserver, CallRecord } from "./call.ts";
import { type IsolateState, TrafficCounter, type TrafficReport } from "./traffic.ts";

const reportMs = 1_000;

export interface ReporterOptions {
  readonly clock: Clock;
  /** How the isolate is now. */
  readonly now: () => IsolateState;
  /** Where reports go. One that cannot be handed on is lost. */
  readonly send: (report: TrafficReport) => Promise<void>;
}

export class TrafficReporter implements CallObserver {
  readonly #options: ReporterOptions;
  readonly #counter = new TrafficCounter();
  #pending: Promise<void> | undefined;

  constructor(options: ReporterOptions) {
    this.#options = options;
  }

  /** Resolves when all that was counted so far has been reported. Undefined: it has been. Never rejects. */
  get pending(): Promise<void> | undefined {
    return this.#pending;
  }

  began(call: CallRecord): void {
    this.#counter.began(call);
    this.#pending ??= this.#report();
  }

  ended(call: CallRecord): void {
    this.#counter.ended(call);
    this.#pending ??= this.#report();
  }

  async #report(): Promise<void> {
    const { clock, now, send } = this.#options;
    await new Promise<void>((resolve) => void clock.after(reportMs, resolve));
    this.#pending = undefined;
    try {
      await send(this.#counter.take(now()));
    } catch {
      // The one who gathers is away: counts are lost, calls go on.
    }
  }
}
