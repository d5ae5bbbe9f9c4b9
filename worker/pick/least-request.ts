/** Power of two choices (Mitzenmacher, 2001): nearly as even as the least loaded of all, without the herd. */

export interface Loaded {
  /** Calls under way. */
  readonly load: number;
}

/**
 * The less loaded of two of `candidates`, chosen at random; there is at least one.
 *
 * @param weightOf in (0, 1]: what share of the usual calls it should get
 */
export function leastRequest<T extends Loaded>(
  candidates: readonly T[],
  random: () => number,
  weightOf: (candidate: T) => number,
): T {
  const count = candidates.length;
  const first = Math.floor(random() * count);
  const one = candidates[first]!;
  if (count === 1) return one;
  const other = candidates[(first + 1 + Math.floor(random() * (count - 1))) % count]!;
  return (other.load + 1) / weightOf(other) < (one.load + 1) / weightOf(one) ? other : one;
}
