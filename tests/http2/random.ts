/** Chance that can be repeated: mulberry32, by Tommy Ettinger, public domain. */
export interface Random {
  /** An integer from 0 up to, but without, `bound`. */
  readonly below: (bound: number) => number;
}

export function newRandom(seed: number): Random {
  let state = seed | 0;
  return {
    below(bound) {
      state = (state + 0x6d2b79f5) | 0;
      let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
      mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
      return ((mixed ^ (mixed >>> 14)) >>> 0) % bound;
    },
  };
}
