/** A clock by the timers that every runtime has. */
import type { Clock } from "../call/clock.ts";

type Timer = ReturnType<typeof setTimeout>;

/** Milliseconds; a timer that is set for more runs out at once. A caller's deadline may be as far away as he likes. */
const longest = 2 ** 31 - 1;

/**
 * @param now monotonic milliseconds
 * @param set sets one timer
 */
export function timerClock(
  now: () => number,
  set: (run: () => void, ms: number) => Timer = (run, ms) => setTimeout(run, ms),
): Clock {
  return {
    now,
    after(ms, run) {
      if (ms > longest) return inSteps(ms, run, set);
      const timer = set(run, ms);
      return () => clearTimeout(timer);
    },
  };
}

function inSteps(ms: number, run: () => void, set: (run: () => void, ms: number) => Timer): () => void {
  let timer: Timer;
  const step = (left: number): void => {
    timer = left > longest ? set(() => step(left - longest), longest) : set(run, left);
  };
  step(ms);
  return () => clearTimeout(timer);
}
