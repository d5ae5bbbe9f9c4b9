/** One after the other. */

export class RoundRobin {
  #next: number;

  /** @param random so that edges that begin together do not go around together */
  constructor(random: () => number) {
    this.#next = Math.floor(random() * 2 ** 16);
  }

  /** The next of `candidates`, at least one; those of less weight than 1 are passed over now and then. */
  pick<T>(candidates: readonly T[], random: () => number, weightOf: (candidate: T) => number): T {
    for (let tries = candidates.length; tries > 1; tries--) {
      const candidate = this.#take(candidates);
      const weight = weightOf(candidate);
      if (weight >= 1 || random() < weight) return candidate;
    }
    return this.#take(candidates);
  }

  #take<T>(candidates: readonly T[]): T {
    this.#next = (this.#next + 1) % 2 ** 30;
    return candidates[this.#next % candidates.length]!;
  }
}
