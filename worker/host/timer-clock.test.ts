import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { nodeClock } from "./node-runtime.ts";
import { timerClock } from "./timer-clock.ts";

const clocks = [
  ["a runtime's", timerClock(() => performance.now())],
  ["Node's", nodeClock],
] as const;
const days = 86_400_000;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test.each(clocks)("%s timer that is set for more than 24.8 days runs out when it should", (_, clock) => {
  const run = vi.fn();
  const begun = clock.now();
  clock.after(60 * days, () => run(clock.now() - begun));
  vi.advanceTimersByTime(60 * days - 1);
  expect(run).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(run.mock.calls).toEqual([[60 * days]]);
});

test.each(clocks)("%s timer is stopped, after a while, too", (_, clock) => {
  const run = vi.fn();
  clock.after(5, run)();
  const stop = clock.after(60 * days, run);
  vi.advanceTimersByTime(50 * days);
  stop();
  vi.advanceTimersByTime(50 * days);
  expect(run).not.toHaveBeenCalled();
  expect(vi.getTimerCount()).toBe(0);
});
