/** Choice by weight: each gets its weight's share of the sum of all weights. */

/**
 * One of `choices`, or undefined if there is none with a weight above zero.
 * `random` is in [0, 1).
 */
export function pickWeighted<T extends { readonly weight: number }>(
  choices: readonly T[],
  random: number,
): T | undefined {
  let total = 0;
  for (const choice of choices) total += choice.weight;
  let left = random * total;
  for (const choice of choices) {
    if (left < choice.weight) return choice;
    left -= choice.weight;
  }
  return undefined;
}
