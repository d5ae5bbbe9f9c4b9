/** One of a backend's endpoints, as it is just now. */
import type { Clock } from "../call/clock.ts";
import type { EndpointState } from "../call/pool-stats.ts";
import { Ejection } from "../pick/ejection.ts";
import { hash } from "../pick/hash.ts";
import { slowStart } from "../pick/slow-start.ts";
import { type Endpoint, Pool, type PoolOptions } from "./pool.ts";

export class LiveEndpoint {
  readonly endpoint: Endpoint;
  /** What callers may know it by. */
  readonly id: string;
  /** For choice by hash. */
  readonly hash: number;
  readonly pool: Pool;
  readonly ejection = new Ejection();
  readonly #clock: Clock;
  readonly #onChange: () => void;
  #healthy = true;
  /** When it began to get calls, or got some again. */
  #since: number;

  /** `onChange` is called when it may get calls that it did not, or no more. */
  constructor(endpoint: Endpoint, id: string, options: Omit<PoolOptions, "onReach">, onChange: () => void) {
    this.endpoint = endpoint;
    this.id = id;
    this.hash = hash(id);
    this.#clock = options.clock;
    this.#onChange = onChange;
    this.#since = -Infinity;
    this.pool = new Pool(endpoint, {
      ...options,
      onReach: () => {
        if (this.pool.reachable) this.begin();
        onChange();
      },
    });
  }

  /** Calls under way. */
  get load(): number {
    return this.pool.load;
  }

  get reachable(): boolean {
    return this.pool.reachable;
  }

  /** What its health checks say. */
  get healthy(): boolean {
    return this.#healthy;
  }

  set healthy(healthy: boolean) {
    if (healthy === this.#healthy) return;
    this.#healthy = healthy;
    if (healthy) this.begin();
    this.#onChange();
  }

  get well(): boolean {
    return this.#healthy && this.ejection.until <= this.#clock.now();
  }

  get state(): EndpointState {
    if (!this.#healthy) return "unhealthy";
    if (!this.well) return "ejected";
    return this.reachable ? "well" : "unreachable";
  }

  /** It gets calls from now on: its slow start begins. */
  begin(): void {
    this.#since = this.#clock.now();
  }

  /** Its share of the usual calls, in (0, 1]. */
  share(slowStartMs: number): number {
    if (slowStartMs === 0) return 1;
    const since = Math.max(this.#since, this.ejection.until);
    return slowStart(this.#clock.now() - since, slowStartMs);
  }
}
