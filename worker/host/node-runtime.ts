/** Time and turns as Node has them. */
import type { Clock } from "../call/clock.ts";
import type { Defer } from "../http2/index.ts";

export const nodeClock: Clock = {
  now: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/** After the sockets that are readable now were read: one write answers all that a turn brought. */
export const nodeDefer: Defer = (flush) => {
  setImmediate(flush);
};
