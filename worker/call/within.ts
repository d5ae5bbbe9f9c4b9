import type { Clock } from "./clock.ts";

/** What `promise` brings within `ms` milliseconds; rejects if it takes longer. */
export async function within<T>(ms: number, promise: Promise<T>, clock: Pick<Clock, "after">): Promise<T> {
  const late = Promise.withResolvers<never>();
  const stop = clock.after(ms, () => late.reject(new Error(`no answer within ${ms / 1_000} s`)));
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    stop();
  }
}
