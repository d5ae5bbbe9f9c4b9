/** Faults that a rule asks for. */
import type { Fault } from "../../routes/policies.ts";
import { CallError } from "../call/error.ts";
import { type Code, codeFromHttp } from "../call/status.ts";

/** What becomes of one call. */
export interface FaultOfCall {
  /** Milliseconds to wait; 0: none. */
  readonly delayMs: number;
  readonly abort: CallError | undefined;
}

/** `random` gives numbers in [0, 1), uniformly. */
export function faultOf({ delayMs, delayShare, abort, abortShare }: Fault, random: () => number): FaultOfCall {
  return {
    delayMs: delayMs > 0 && random() < delayShare ? delayMs : 0,
    abort: abort !== undefined && random() < abortShare ? errorOf(abort) : undefined,
  };
}

function errorOf(abort: NonNullable<Fault["abort"]>): CallError {
  const message = "the rule fails this call on purpose";
  if ("grpcCode" in abort) return new CallError(abort.grpcCode as Code, message, { side: "edge" });
  return new CallError(codeFromHttp(abort.httpStatus), message, { side: "edge", httpStatus: abort.httpStatus });
}
