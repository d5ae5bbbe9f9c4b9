/** The order in which several are asked. */
import { pickWeighted } from "./weighted.ts";

export interface Ranked {
  readonly weight: number;
  /** The lowest come first. */
  readonly failover: number;
}

/**
 * `choices` by failover, and by chance among those of the same, each time by their weights; those of no weight come last
 * of theirs, in their own order.
 */
export function orderRanked<T extends Ranked>(choices: readonly T[], random: () => number): readonly T[] {
  const ordered: T[] = [];
  const left = choices.toSorted((a, b) => a.failover - b.failover);
  while (left.length > 0) {
    const { failover } = left[0]!;
    const end = left.findIndex((choice) => choice.failover !== failover);
    const rank = end < 0 ? left : left.slice(0, end);
    const next = pickWeighted(rank, random()) ?? rank[0]!;
    left.splice(left.indexOf(next), 1);
    ordered.push(next);
  }
  return ordered;
}
