/** Whether connections to an endpoint can be had, as far as is known, and when to find out anew. */
import type { Clock } from "../call/clock.ts";

/** A connection that can say whether its peer is still there: by HTTP/2's PING. */
export interface Probed {
  readonly probe?: (ms: number, alive: () => void) => void;
}

/** Milliseconds until an endpoint that cannot be connected to is tried again; it doubles each time. */
const firstRetryMs = 1_000;
const lastRetryMs = 30_000;
/** Milliseconds that a PING may take when calls were not answered in time. */
const probeMs = 2_000;
/** Milliseconds between such PINGs: gRPC servers take only so many. */
const probeEveryMs = 10_000;

export class Reach {
  readonly #clock: Clock;
  readonly #onChange: () => void;
  /** Connections whose peer has not shown yet that it is still there. */
  readonly #doubted = new Set<Probed>();
  #doubtedAt = -Infinity;
  /** Rounds of dialling that failed since there was a connection last. */
  #failures = 0;
  #retryAt = 0;

  constructor(clock: Clock, onChange: () => void) {
    this.#clock = clock;
    this.#onChange = onChange;
  }

  get good(): boolean {
    return this.#failures === 0 && this.#doubted.size === 0;
  }

  /** When a connection should be tried where it is not good. */
  get retryAt(): number {
    return this.#doubted.size > 0 ? Infinity : this.#retryAt;
  }

  connected(): void {
    if (this.#failures === 0) return;
    this.#failures = 0;
    this.#onChange();
  }

  /** There is no connection, and none could be had. Those that were dialled together fail together: they count once. */
  failed(): void {
    const now = this.#clock.now();
    if (this.#failures > 0 && now < this.#retryAt) return;
    this.#retryAt = now + Math.min(firstRetryMs * 2 ** this.#failures, lastRetryMs);
    this.#failures++;
    this.#onChange();
  }

  /** A call got no answer in time: connections whose peer is gone without a word have to be found out. */
  doubt(connections: Iterable<Probed>): void {
    const now = this.#clock.now();
    if (now < this.#doubtedAt + probeEveryMs) return;
    this.#doubtedAt = now;
    for (const connection of connections) {
      if (connection.probe === undefined) continue;
      this.#doubted.add(connection);
      connection.probe(probeMs, () => this.#doubted.delete(connection) && this.#onChange());
    }
    if (this.#doubted.size > 0) this.#onChange();
  }

  /** A connection is over. Returns whether its peer had been in doubt. */
  lost(connection: Probed): boolean {
    const doubted = this.#doubted.delete(connection);
    if (doubted) this.#onChange();
    return doubted;
  }
}
