/** Waiting for conditions, with a deadline. */
import { setTimeout as delay } from "node:timers/promises";

/** Resolves once `condition` holds; looks every few milliseconds. Rejects if it does not within `ms`. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: () => string,
  ms = 10_000,
): Promise<void> {
  const deadline = performance.now() + ms;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not within ${ms} ms: ${what()}`);
    await delay(5);
  }
}

/** Resolves to `value`'s last value, once it has stayed the same for `ms`. */
export async function settled(value: () => number, ms: number): Promise<number> {
  let last = value();
  let since = performance.now();
  await until(
    () => {
      const now = value();
      if (now !== last) since = performance.now();
      last = now;
      return performance.now() - since >= ms;
    },
    () => "it stays the same",
  );
  return last;
}
