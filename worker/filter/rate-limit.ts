/** Rate limits of rules, counted in this process. */
import type { RateLimit } from "../../routes/policies.ts";
import type { Fields } from "../call/fields.ts";

/** Keys after which those that were not used meanwhile are forgotten, and begin anew: callers make them up. */
const maxKeys = 50_000;

/**
 * Each key's calls by the generic cell rate algorithm (ITU-T I.371): one number says when the calls that it was granted
 * would all have come at the limit's own pace.
 */
export class RateLimits {
  /** By the limit's id and the caller's key; milliseconds of the clock. */
  #recent = new Map<string, number>();
  #older: ReadonlyMap<string, number> = new Map();
  readonly #now: () => number;

  /** @param now monotonic milliseconds */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Takes one call's share. Returns 0, or the milliseconds after which there will be one. */
  take(limit: RateLimit, key: string): number {
    const now = this.#now();
    const id = `${limit.id} ${key}`;
    const pace = limit.periodMs / limit.calls;
    const arrival = Math.max(this.#recent.get(id) ?? this.#older.get(id) ?? 0, now);
    const wait = arrival - now - (limit.burst - 1) * pace;
    if (wait > 0) return Math.ceil(wait);
    this.#recent.set(id, arrival + pace);
    if (this.#recent.size >= maxKeys) {
      this.#older = this.#recent;
      this.#recent = new Map();
    }
    return 0;
  }
}

/** What the call is counted under. Those without the header are counted together. */
export function rateKeyOf({ key }: RateLimit, fields: Fields, address: string): string {
  if (key === undefined) return "";
  return key === "source" ? address : (fields.joined(key.header) ?? "");
}
