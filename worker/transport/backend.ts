/** A backend as it is just now: which of its endpoints can be called, and what it may be asked for besides. */
import type { Backend } from "../../routes/model.ts";
import type { Clock } from "../call/clock.ts";
import { CallError } from "../call/error.ts";
import { Code } from "../call/status.ts";
import { consistentHash } from "../pick/consistent-hash.ts";
import { mayEject } from "../pick/ejection.ts";
import { endpointId } from "../pick/endpoint-id.ts";
import { leastRequest } from "../pick/least-request.ts";
import { RoundRobin } from "../pick/round-robin.ts";
import { standingOf } from "../pick/standing.ts";
import { RetryBudget } from "./budget.ts";
import { LiveEndpoint } from "./endpoint.ts";
import { HealthChecks, sameChecks } from "./health.ts";
import type { PoolOptions } from "./pool.ts";

export interface BackendOptions extends Pick<PoolOptions, "dial" | "clock" | "defer" | "idleMs" | "http2"> {
  /** In [0, 1), uniformly. */
  readonly random: () => number;
  /** Milliseconds without a call after which health checks end. Undefined: as they are by themselves. */
  readonly unusedMs?: number;
}

/** By what an endpoint is chosen. */
export interface Wish {
  /** The endpoint that a session is with. */
  readonly session: string | undefined;
  readonly hashKey: string | undefined;
  /** Endpoints that failed the call: others are better. */
  readonly tried: readonly LiveEndpoint[];
}

/**
 * Milliseconds for which an endpoint that a table does not name any more is kept: for a moment, calls by the old table
 * and by the new one come in turn.
 */
const leavingMs = 5_000;
/** Milliseconds in which a backend that others stood in for gets its calls back. */
const returnMs = 10_000;
/** Milliseconds until an endpoint that is being connected to again is looked at again. */
const lookAgainMs = 1_000;

export class LiveBackend {
  readonly name: string;
  readonly budget = new RetryBudget();
  readonly #options: BackendOptions;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #robin: RoundRobin;
  readonly #leaving = new Map<string, { readonly endpoint: LiveEndpoint; readonly stop: () => void }>();
  #backend: Backend;
  #checks: HealthChecks | undefined;
  #endpoints = new Map<string, LiveEndpoint>();
  /** What {@link standingOf} said, until something changes. */
  #candidates: readonly LiveEndpoint[] = [];
  #able = true;
  #ableSince = -Infinity;
  #changesAt = -Infinity;

  constructor(backend: Backend, options: BackendOptions) {
    this.name = backend.name;
    this.#backend = backend;
    this.#options = options;
    this.#clock = options.clock;
    this.#random = options.random;
    this.#robin = new RoundRobin(options.random);
    this.#checks = checksOf(backend, options);
    this.#take(backend);
  }

  /** What the route table says of it. */
  get backend(): Backend {
    return this.#backend;
  }

  get endpoints(): Iterable<LiveEndpoint> {
    return this.#endpoints.values();
  }

  readonly #all = (): Iterable<LiveEndpoint> => this.#endpoints.values();

  /** Goes by `backend` from now on: what it does not name any more gets no calls, and is left when its calls end. */
  adopt(backend: Backend): void {
    if (backend === this.#backend) return;
    const anew = connectionOf(backend) !== connectionOf(this.#backend);
    if (!sameChecks(backend, this.#backend)) this.#checkAnew(backend);
    this.#backend = backend;
    this.#take(backend, anew);
  }

  #take(backend: Backend, anew = false): void {
    const before = this.#endpoints;
    const grows = before.size > 0 && !anew;
    this.#endpoints = new Map();
    for (const { host, port } of backend.endpoints) {
      const key = `${host} ${port}`;
      if (this.#endpoints.has(key)) continue; // it is named twice
      const known = anew ? undefined : (before.get(key) ?? this.#return(key));
      if (known !== undefined) before.delete(key);
      const added = known ?? this.#create(backend, host, port);
      if (known === undefined && grows) added.begin();
      this.#endpoints.set(key, added);
    }
    for (const [key, endpoint] of before) this.#leave(key, endpoint);
    this.#changed();
  }

  /** Nobody is unhealthy by checks that are no more. */
  #checkAnew(backend: Backend): void {
    this.#checks?.close();
    this.#checks = checksOf(backend, this.#options);
    for (const endpoint of this.#endpoints.values()) endpoint.healthy = true;
  }

  #create(backend: Backend, host: string, port: number): LiveEndpoint {
    const { tls, originTls, http, transport, connectTimeoutMs } = backend;
    return new LiveEndpoint(
      { host, port, tls, originTls, protocol: http, transport, connectTimeoutMs },
      endpointId(backend.name, host, port),
      { ...this.#options, mayDial: () => this.#mayDial() },
      () => this.#changed(),
    );
  }

  #leave(key: string, endpoint: LiveEndpoint): void {
    this.#return(key)?.pool.retire(); // one that left before, for another way to connect
    const stop = this.#clock.after(leavingMs, () => {
      this.#leaving.delete(key);
      endpoint.pool.retire();
    });
    this.#leaving.set(key, { endpoint, stop });
  }

  #return(key: string): LiveEndpoint | undefined {
    const leaving = this.#leaving.get(key);
    this.#leaving.delete(key);
    leaving?.stop();
    return leaving?.endpoint;
  }

  readonly #changed = (): void => {
    this.#changesAt = -Infinity;
  };

  // ---- Choice.

  /**
   * Whether calls should go here. Where `others` could take them, those that return do so little by little.
   */
  able(others: boolean): boolean {
    this.#judge();
    if (!this.#able) return false;
    const elapsed = others ? this.#clock.now() - this.#ableSince : Infinity;
    return elapsed >= returnMs || this.#random() * returnMs < elapsed;
  }

  /** Undefined if it has none. */
  pick({ session, hashKey, tried }: Wish): LiveEndpoint | undefined {
    this.#judge();
    let candidates = this.#candidates;
    if (tried.length > 0) {
      const fresh = candidates.filter((candidate) => !tried.includes(candidate));
      if (fresh.length > 0) candidates = fresh;
    }
    if (!this.#mayDial()) candidates = ofConnected(candidates);
    if (candidates.length === 0) return undefined;
    if (session !== undefined) {
      const own = candidates.find(({ id }) => id === session);
      if (own !== undefined) return own;
    }
    return this.#choose(candidates, hashKey);
  }

  #choose(candidates: readonly LiveEndpoint[], hashKey: string | undefined): LiveEndpoint {
    const { policy, slowStartMs } = this.#backend.loadBalancing;
    if (policy === "consistentHash" && hashKey !== undefined) return consistentHash(candidates, hashKey);
    const shareOf = (endpoint: LiveEndpoint): number => endpoint.share(slowStartMs);
    if (policy === "roundRobin") return this.#robin.pick(candidates, this.#random, shareOf);
    return leastRequest(candidates, this.#random, shareOf);
  }

  /** Looks again at who can be called, if that may have changed. */
  #judge(): void {
    // A backend that others stand in for is judged, and so asked on: it is to get its calls back.
    this.#checks?.used(this.#all);
    if (this.#changesAt === Infinity) return;
    const now = this.#clock.now();
    if (now < this.#changesAt) return;
    const endpoints = [...this.#endpoints.values()];
    this.#changesAt = Infinity;
    for (const { ejection, pool, reachable } of endpoints) {
      if (!reachable && pool.retryAt <= now) pool.tryAgain();
      if (!reachable) this.#changesAt = Math.min(this.#changesAt, Math.max(pool.retryAt, now + lookAgainMs));
      if (ejection.until > now) this.#changesAt = Math.min(this.#changesAt, ejection.until);
    }
    const { candidates, able } = standingOf(endpoints);
    if (able && !this.#able) this.#ableSince = now;
    this.#candidates = candidates;
    this.#able = able;
  }

  // ---- Limits.

  #mayDial(): boolean {
    const limit = this.#backend.circuitBreaker?.maxConnections ?? Infinity;
    if (limit === Infinity || this.#count(({ pool }) => pool.connections) < limit) return true;
    // Those that drain may last as long as their calls: new ones need a connection, even if it is one too many.
    return this.#count(({ pool }) => pool.usable) === 0;
  }

  /** Why one more call cannot go to `endpoint`, if it cannot. */
  refusal(endpoint: LiveEndpoint): CallError | undefined {
    const { circuitBreaker } = this.#backend;
    if (circuitBreaker === undefined) return undefined;
    const { maxCalls, maxPending } = circuitBreaker;
    if (maxCalls !== Infinity && this.#count(({ load }) => load) >= maxCalls)
      return broken(this.name, `${maxCalls} calls`);
    const waits = maxPending !== Infinity && !endpoint.pool.ready;
    if (!waits || this.#count(({ pool }) => pool.waiting) < maxPending) return undefined;
    return broken(this.name, `${maxPending} calls that wait for a connection`);
  }

  #count(of: (endpoint: LiveEndpoint) => number): number {
    let total = 0;
    for (const endpoint of this.#endpoints.values()) total += of(endpoint);
    return total;
  }

  /** A call to `endpoint` ended well, or did not. */
  report(endpoint: LiveEndpoint, good: boolean): void {
    const policy = this.#backend.outlierDetection;
    if (policy === undefined) return;
    if (good) return endpoint.ejection.succeeded();
    const now = this.#clock.now();
    const others = (): boolean => {
      const ejected = this.#count(({ ejection }) => (ejection.until > now ? 1 : 0));
      return mayEject(ejected, this.#endpoints.size, policy.maxEjectionPercent);
    };
    if (endpoint.ejection.failed(now, policy, others)) this.#changed();
  }

  // ---- The end.

  /** Whether nothing of it is in use. */
  get idle(): boolean {
    return this.#leaving.size === 0 && this.#count(({ pool }) => (pool.idle ? 0 : 1)) === 0;
  }

  /** Ends every call and closes every connection. */
  close(): void {
    this.#checks?.close();
    for (const { pool } of this.#endpoints.values()) pool.close();
    for (const { endpoint, stop } of this.#leaving.values()) {
      stop();
      endpoint.pool.close();
    }
  }
}

function checksOf({ healthCheck }: Backend, options: BackendOptions): HealthChecks | undefined {
  return healthCheck && new HealthChecks(healthCheck, options);
}

/** Where no connection can be added, those that have one, if any has. */
function ofConnected(endpoints: readonly LiveEndpoint[]): readonly LiveEndpoint[] {
  const connected = endpoints.filter(({ pool }) => pool.usable > 0);
  return connected.length > 0 ? connected : endpoints;
}

/** Equal for backends whose connections are made alike. */
function connectionOf({ tls, originTls, http, transport, connectTimeoutMs }: Backend): string {
  return JSON.stringify([tls, originTls, http, transport, connectTimeoutMs]);
}

function broken(name: string, limit: string): CallError {
  const message = `backend ${name}: the circuit breaker lets through no more than ${limit}`;
  return new CallError(Code.RESOURCE_EXHAUSTED, message, { side: "edge", httpStatus: 503 });
}
