/** What becomes of a planned call until it is carried out: its rule's gates, and the time that they take of its deadline. */
import type { Clock } from "./call/clock.ts";
import { CallError } from "./call/error.ts";
import type { RequestHead } from "./call/http.ts";
import { Code } from "./call/status.ts";
import type { Gates } from "./gates.ts";
import type { Plan, Planned } from "./plan.ts";
import { headAgain } from "./transport/resend.ts";

export interface AdmissionOptions {
  readonly gates: Gates;
  readonly clock: Clock;
}

/**
 * The call of `head` from `address` once it has passed its gates, with the time that is left, or what refuses it.
 * Never rejects.
 *
 * @param arrived when it came, the clock's
 */
export async function admitted(
  planned: Planned,
  { fields }: RequestHead,
  address: string,
  arrived: number,
  { gates, clock }: AdmissionOptions,
): Promise<Planned> {
  const { gated, plan } = planned;
  if (gated === undefined) return planned;
  const passing = gates.pass(gated.gates, fields, address);
  const timeoutMs = plan?.timeoutMs;
  if (timeoutMs === undefined) {
    const error = await passing;
    return error === undefined ? planned : gated.refuse(error);
  }
  const error = await within(timeoutMs - (clock.now() - arrived), passing, clock);
  if (error !== undefined) return gated.refuse(error === late ? deadlinePassed(timeoutMs) : error);
  const spentMs = clock.now() - arrived;
  // A head that is left as it is can be known again.
  return spentMs < 1 ? planned : { ...planned, plan: planAgain(plan!, 0, timeoutMs - spentMs) };
}

const late = Symbol("late");

function within<T>(ms: number, promise: Promise<T>, clock: Clock): Promise<T | typeof late> {
  return new Promise((resolve) => {
    const stop = clock.after(Math.max(0, ms), () => resolve(late));
    void promise.then((value) => {
      stop();
      resolve(value);
    });
  });
}

function deadlinePassed(ms: number): CallError {
  return new CallError(Code.DEADLINE_EXCEEDED, `the deadline of ${ms} ms passed`, { side: "edge" });
}

/**
 * `plan` for what is left of its call's time.
 *
 * @param previous how often it was tried before
 * @param leftMs until the call's deadline; Infinity: it has none
 */
export function planAgain(plan: Plan, previous: number, leftMs: number): Plan {
  const again = { ...plan, head: headAgain(plan.head, previous, leftMs) };
  return leftMs === Infinity ? again : { ...again, timeoutMs: leftMs };
}
