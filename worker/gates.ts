/** What a call has to pass before it is carried out: tokens, rates, and faults that its rule asks for. */
import type { Filter } from "../routes/model.ts";
import type { Fault, Jwt, RateLimit } from "../routes/policies.ts";
import type { Clock } from "./call/clock.ts";
import { CallError } from "./call/error.ts";
import type { Fields } from "./call/fields.ts";
import { Code } from "./call/status.ts";
import { faultOf } from "./filter/fault.ts";
import type { JwtChecks } from "./filter/jwt.ts";
import { rateKeyOf, RateLimits } from "./filter/rate-limit.ts";

export type Gate = Jwt | RateLimit | Fault;

export interface GatesOptions {
  readonly clock: Clock;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** In [0, 1), uniformly. */
  readonly random: () => number;
  readonly fetch: typeof fetch;
  /** Whether a call may wait for what another has fetched: not so on Workers. Undefined: it may. */
  readonly sharesFetches?: boolean;
  /** Whether a call may pass, by a counter that the host shares with others; undefined: it has none for this limit. */
  readonly sharedCounter?: (limit: RateLimit, key: string) => Promise<boolean> | undefined;
}

const gateKinds: ReadonlySet<Filter["kind"]> = new Set(["jwt", "rateLimit", "fault"]);

/** Those among a rule's filters; undefined: there are none. */
export function gatesOf(filters: readonly Filter[]): readonly Gate[] | undefined {
  const gates = filters.length === 0 ? [] : filters.filter((filter): filter is Gate => gateKinds.has(filter.kind));
  return gates.length === 0 ? undefined : gates;
}

export class Gates {
  readonly #options: GatesOptions;
  #tokens: JwtChecks | undefined;
  readonly #rates: RateLimits;

  constructor(options: GatesOptions) {
    this.#options = options;
    this.#rates = new RateLimits(() => options.clock.now());
  }

  /**
   * Resolves to why a call with `fields` from `address` does not pass; undefined: it does. The gates stand one behind the
   * other. Never rejects.
   */
  async pass(gates: readonly Gate[], fields: Fields, address: string): Promise<CallError | undefined> {
    for (const gate of gates) {
      // oxlint-disable-next-line no-await-in-loop
      const error = await this.#passOne(gate, fields, address);
      if (error !== undefined) return error;
    }
    return undefined;
  }

  #passOne(gate: Gate, fields: Fields, address: string): Promise<CallError | undefined> {
    switch (gate.kind) {
      case "jwt":
        return this.#check(gate, fields);
      case "rateLimit":
        return this.#take(gate, rateKeyOf(gate, fields, address));
      case "fault":
        return this.#fail(gate);
    }
  }

  async #check(jwt: Jwt, fields: Fields): Promise<CallError | undefined> {
    const { JwtChecks: Checks } = await import("./filter/jwt.ts"); // most tables have no use for all that this takes
    const { fetch, now, sharesFetches } = this.#options;
    this.#tokens ??= new Checks(fetch, now, sharesFetches);
    return this.#tokens.check(jwt, fields);
  }

  async #take(limit: RateLimit, key: string): Promise<CallError | undefined> {
    const shared = this.#options.sharedCounter?.(limit, key);
    const waitMs = shared === undefined ? this.#rates.take(limit, key) : (await shared) ? 0 : limit.periodMs;
    if (waitMs === 0) return undefined;
    return new CallError(Code.RESOURCE_EXHAUSTED, `more calls than the rule allows: wait ${waitMs} ms`, {
      side: "edge",
      httpStatus: 429,
      retryAfterMs: waitMs,
    });
  }

  async #fail(fault: Fault): Promise<CallError | undefined> {
    const { delayMs, abort } = faultOf(fault, this.#options.random);
    if (delayMs > 0) await new Promise<void>((resolve) => this.#options.clock.after(delayMs, resolve));
    return abort;
  }
}
