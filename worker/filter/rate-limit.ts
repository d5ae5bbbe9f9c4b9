/** Rate limits of rules, counted in this process. */
import type { RateLimit } from "../../routes/policies.ts";
import type { Fields } from "../call/fields.ts";
import { keyedHash, newSecret } from "./keyed-hash.ts";

/** Keys after which those that were not used meanwhile are forgotten, and begin anew: callers make them up. */
const maxKeys = 50_000;

/**
 * Each key's calls by the generic cell rate algorithm (ITU-T I.371): one number says when the calls that it was granted
 * would all have come at the limit's own pace.
 */
export class RateLimits {
  /**
   * By a hash of the limit's id and the caller's key, which may be as long as a header list and chosen to be like others;
   * milliseconds of the clock.
   */
  #recent = new Map<number, number>();
  #older: ReadonlyMap<number, number> = new Map();
  readonly #secret = newSecret();
  readonly #now: () => number;

  /** @param now monotonic milliseconds */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Takes one call's share. Returns 0, or the milliseconds after which there will be one. */
  take(limit: RateLimit, key: string): number {
    const now = this.#now();
    const id = keyedHash(`${limit.id} ${key}`, this.#secret);
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
  return key === "source" ? networkOf(address) : (fields.joined(key.header) ?? "");
}

/** What a caller has to itself: an IPv4 address, or a /64 of IPv6's. */
function networkOf(address: string): string {
  if (!address.includes(":")) return address;
  if (address.includes(".")) return address.slice(address.lastIndexOf(":") + 1);
  const [before = [], after] = address.split("::").map((half) => (half === "" ? [] : half.split(":")));
  const zeros = after === undefined ? 0 : Math.max(0, 8 - before.length - after.length);
  const groups = [...before, ...Array.from({ length: zeros }, () => "0"), ...(after ?? [])].map(hexadecimal);
  const mapped = groups.slice(0, 6).join(":") === "0:0:0:0:0:ffff"; // IPv4, RFC 4291 section 2.5.5.2
  return groups.slice(0, mapped ? 8 : 4).join(":");
}

const hexadecimal = (group: string): string => Number.parseInt(group, 16).toString(16);

/** Characters of a key that others count by; longer ones stand for themselves by a hash. */
const maxKeyChars = 256;

/** `key` as it may be handed to a counter that others share. */
export async function sharedKey(key: string): Promise<string> {
  if (key.length <= maxKeyChars) return key;
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(key));
  return `sha256:${Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
