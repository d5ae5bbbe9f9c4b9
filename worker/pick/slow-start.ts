/** What share of the usual calls a new or recovered one gets: it grows from a tenth to the whole. */

const least = 0.1;

/** The share at `elapsedMs` after the start of a slow start that takes `durationMs`. */
export function slowStart(elapsedMs: number, durationMs: number): number {
  return elapsedMs >= durationMs ? 1 : Math.max(least, elapsedMs / durationMs);
}
