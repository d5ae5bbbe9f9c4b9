/** For "did you mean …?". */

const MAX_DISTANCE = 2;

/** Of `names` the one that `text` is, or is most like: two letters away at most, for short ones less. */
export function nearest<T extends string>(text: string, names: readonly T[]): T | undefined {
  let best: T | undefined;
  let least = MAX_DISTANCE + 1;
  for (const name of names) {
    if (Math.abs(name.length - text.length) > MAX_DISTANCE) continue;
    const between = distance(text, name);
    if (between >= least || 2 * between >= name.length) continue;
    [best, least] = [name, between];
  }
  return best;
}

/** How many letters have to be put in, left out, changed, or changed with their neighbour. */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const changed = last[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      let least = Math.min(changed, last[j]! + 1, row[j - 1]! + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) least = Math.min(least, before[j - 2]! + 1);
      row.push(least);
    }
    [before, last] = [last, row];
  }
  return last[b.length]!;
}
