/** What a host has to observe calls with. */
import type { Clock } from "../call/clock.ts";
import type { Fields } from "../call/fields.ts";
import type { CallObserver } from "./call.ts";
import type { TraceContext } from "./trace-context.ts";

export interface Observation {
  readonly observer: CallObserver;
  readonly clock: Clock;
  /** Now, Unix milliseconds. */
  readonly unixMs: () => number;
  /** A call's place in its trace, which origins get in place of the caller's. Undefined: the caller's passes as it came. */
  readonly trace: ((fields: Fields) => TraceContext) | undefined;
  /** Sends what waits to be sent; for hosts that may not be there later. Never rejects. */
  readonly flush: () => Promise<void>;
  /** Spans that were lost so far. */
  readonly spansDropped: () => number;
}
