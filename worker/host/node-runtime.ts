/** Time and turns as Node has them. */
import type { Defer } from "../http2/index.ts";
import { timerClock } from "./timer-clock.ts";

export const nodeClock = timerClock(
  () => performance.now(),
  (run, ms) => setTimeout(run, ms).unref(),
);

/** After the sockets that are readable now were read: one write answers all that a turn brought. */
export const nodeDefer: Defer = (flush) => {
  setImmediate(flush);
};
