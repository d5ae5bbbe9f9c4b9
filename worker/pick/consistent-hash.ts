/**
 * Choice by a key: calls of the same key go to the same endpoint, and when one comes or goes, no keys move but those that
 * it takes or leaves. Rendezvous hashing: there is no table to build when endpoints change.
 */
import { hash, mix } from "./hash.ts";

/** The one of `candidates` with the highest score for `key`. There is at least one. */
export function consistentHash<T extends { readonly hash: number }>(candidates: readonly T[], key: string): T {
  const bits = hash(key);
  let best = candidates[0]!;
  let highest = -1;
  for (const candidate of candidates) {
    const score = mix(bits ^ candidate.hash);
    if (score > highest) {
      highest = score;
      best = candidate;
    }
  }
  return best;
}
