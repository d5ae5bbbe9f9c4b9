/** Time as Workers have it. A timer belongs to the request, or to the object, that sets it. */
import type { Clock } from "../call/clock.ts";

export const clock: Clock = {
  now: () => Date.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};
