/** A call's two ends, told to those who observe. */
import type { Answer, Body, Cancel, RequestHead } from "./call/http.ts";
import { exchange, type ExchangeOptions } from "./exchange.ts";
import { ObservedCall } from "./observe/call.ts";
import type { Observation } from "./observe/observation.ts";
import { withTrace } from "./observe/trace-context.ts";
import type { Answered, Plan } from "./plan.ts";

export interface ObservedOptions extends ExchangeOptions {
  /** Undefined: nobody observes. */
  readonly observation?: Observation | undefined;
}

/**
 * Carries out `plan` as {@link exchange} does.
 *
 * @param asked the request as it came, or as it goes to the origin where no more is known
 */
export function exchangeObserved(
  plan: Plan,
  asked: RequestHead,
  body: Body,
  options: ObservedOptions,
  caller: Answer,
): Cancel {
  const { observation } = options;
  if (observation === undefined) return exchange(plan, body, options, caller);
  const { clock, observer, unixMs } = observation;
  const trace = observation.trace?.(plan.head.fields);
  const { head } = plan;
  const traced = trace === undefined ? plan : { ...plan, head: { ...head, fields: withTrace(head.fields, trace) } };
  const { rule, revision, backend } = plan;
  const start = { head: asked, protocol: plan.caller.protocol, revision, rule, backend, trace };
  return exchange(traced, body, options, caller, new ObservedCall(start, unixMs(), clock, observer));
}

/** Tells of a call that went nowhere. */
export function observeAnswered(
  { answer, caller, rule, error }: Answered,
  asked: RequestHead,
  revision: bigint,
  observation: Observation | undefined,
): void {
  if (observation === undefined) return;
  const { clock, observer, unixMs } = observation;
  const start = {
    head: asked,
    protocol: caller.protocol,
    revision: String(revision),
    rule,
    backend: undefined,
    trace: observation.trace?.(asked.fields),
  };
  const call = new ObservedCall(start, unixMs(), clock, observer);
  call.answered(answer.head.status);
  if (error === undefined) call.completed(answer.head.fields);
  else call.failed(error);
}
