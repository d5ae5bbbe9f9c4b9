/** The health checks of one backend, which run for as long as calls go to it. */
import type { Backend } from "../../routes/model.ts";
import type { HealthCheck } from "../../routes/policies.ts";
import type { Clock } from "../call/clock.ts";
import type { LiveEndpoint } from "./endpoint.ts";
import { type Endpoint, Pool, type PoolOptions } from "./pool.ts";
import { probe } from "./probe.ts";

/** Milliseconds without a call after which nobody needs to know, unless the host says others. */
const defaultUnusedMs = 300_000;

export interface HealthOptions extends Pick<PoolOptions, "dial" | "clock" | "defer"> {
  /** In [0, 1), uniformly. */
  readonly random: () => number;
  /** Milliseconds without a call after which nothing is asked, where asking costs. */
  readonly unusedMs?: number;
}

export class HealthChecks {
  readonly #check: HealthCheck;
  readonly #options: HealthOptions;
  readonly #clock: Clock;
  readonly #asked = new Map<LiveEndpoint, Asked>();
  #usedAt = 0;
  #stop: (() => void) | undefined;

  constructor(check: HealthCheck, options: HealthOptions) {
    this.#check = check;
    this.#options = options;
    this.#clock = options.clock;
  }

  /** A call goes to the backend: its endpoints are asked from now on. `endpoints` gives those of the moment. */
  used(endpoints: () => Iterable<LiveEndpoint>): void {
    this.#usedAt = this.#clock.now();
    if (this.#stop === undefined) this.#round(endpoints);
  }

  /** Asks no more. What is known of endpoints stays. */
  close(): void {
    this.#stop?.();
    this.#stop = undefined;
    for (const asked of this.#asked.values()) asked.close();
    this.#asked.clear();
  }

  #round(endpoints: () => Iterable<LiveEndpoint>): void {
    const { unusedMs = defaultUnusedMs } = this.#options;
    if (this.#clock.now() - this.#usedAt > unusedMs) return this.close();
    const now = new Set(endpoints());
    for (const [endpoint, asked] of this.#asked) {
      if (now.has(endpoint)) continue;
      asked.close();
      this.#asked.delete(endpoint);
    }
    for (const endpoint of now) {
      let asked = this.#asked.get(endpoint);
      if (asked === undefined) {
        asked = new Asked(endpoint, this.#check, this.#options);
        this.#asked.set(endpoint, asked);
      }
      asked.ask();
    }
    // Many edges do not ask at the same time.
    const waitMs = this.#check.intervalMs * (0.9 + 0.2 * this.#options.random());
    this.#stop = this.#clock.after(waitMs, () => this.#round(endpoints));
  }
}

/** One endpoint, and its answers in a row. */
class Asked {
  readonly #endpoint: LiveEndpoint;
  readonly #check: HealthCheck;
  readonly #options: HealthOptions;
  readonly #address: Endpoint;
  /** Of connections apart: those of calls may be full, or be waited for. */
  readonly #pool: Pool;
  #good = 0;
  #bad = 0;
  #stop: (() => void) | undefined;

  constructor(endpoint: LiveEndpoint, check: HealthCheck, options: HealthOptions) {
    this.#endpoint = endpoint;
    this.#check = check;
    this.#options = options;
    const { port = endpoint.endpoint.port, timeoutMs, intervalMs } = check;
    this.#address = { ...endpoint.endpoint, port, connectTimeoutMs: timeoutMs };
    const { dial, clock, defer } = options;
    const idleMs = 2 * intervalMs;
    this.#pool = new Pool(this.#address, { dial, clock, defer, idleMs, mayDial: () => true, onReach: () => {} });
  }

  /** Unless the last question is still open. */
  ask(): void {
    if (this.#stop !== undefined) return;
    const done = (well: boolean): void => {
      this.#stop = undefined;
      this.#count(well);
    };
    this.#stop = () => {};
    const stop =
      this.#check.probe.kind === "tcp"
        ? this.#connect(done)
        : probe(this.#check, this.#address, this.#pool, this.#options.clock, done);
    // It may be answered already.
    if (this.#stop !== undefined) this.#stop = stop;
  }

  #connect(done: (well: boolean) => void): () => void {
    let wanted = true;
    this.#options.dial({ ...this.#address, tls: false }).then(
      (stream) => {
        stream.destroy();
        if (wanted) done(true);
      },
      () => {
        if (wanted) done(false);
      },
    );
    return () => (wanted = false);
  }

  #count(well: boolean): void {
    this.#good = well ? this.#good + 1 : 0;
    this.#bad = well ? 0 : this.#bad + 1;
    const { healthyThreshold, unhealthyThreshold } = this.#check;
    if (this.#bad >= unhealthyThreshold) this.#endpoint.healthy = false;
    else if (this.#good >= healthyThreshold) this.#endpoint.healthy = true;
  }

  close(): void {
    const stop = this.#stop;
    this.#stop = () => {};
    stop?.();
    this.#pool.close();
  }
}

/** Equal for backends whose endpoints are asked alike. */
export function sameChecks(a: Backend, b: Backend): boolean {
  return JSON.stringify(a.healthCheck) === JSON.stringify(b.healthCheck);
}
