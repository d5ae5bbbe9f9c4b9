/** Lines of a log that anybody can cause, so that nobody can fill it. */

const intervalMs = 5_000;

/**
 * Passes on at most one line in each five seconds; the next one says how many it stands for.
 *
 * @param now milliseconds
 */
export function seldom(log: (line: string) => void, now: () => number): (line: string) => void {
  let next = -Infinity;
  let unsaid = 0;
  return (line) => {
    if (now() < next) {
      unsaid++;
      return;
    }
    log(unsaid === 0 ? line : `${line} (and ${unsaid} more like it since the last that was logged)`);
    next = now() + intervalMs;
    unsaid = 0;
  };
}
