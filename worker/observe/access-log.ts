/** The access log: JSON, one line for a call. Its schema is docs/access-log.schema.json. */
import { codeName } from "../call/status.ts";
import type { CallObserver, CallRecord } from "./call.ts";
import { isError } from "./tally.ts";

export interface AccessLogOptions {
  /** Share of the calls that are logged, in [0, 1]. Those that fail always are. */
  readonly ratio: number;
  /** In [0, 1), uniformly. */
  readonly random: () => number;
  /** Takes each line, without its line feed. */
  readonly write: (line: string) => void;
}

export function accessLog({ ratio, random, write }: AccessLogOptions): CallObserver {
  return {
    began() {},
    ended(call) {
      if (isError(call) || random() < ratio) write(JSON.stringify(entryOf(call)));
    },
  };
}

/** Neither query nor any header field: they hold what is secret. */
function entryOf(call: CallRecord): Record<string, unknown> {
  const { rule, trace, grpcStatus } = call;
  return {
    time: new Date(call.time).toISOString(),
    protocol: call.protocol,
    method: call.httpMethod,
    authority: call.authority,
    path: call.path,
    revision: call.revision,
    rule: rule === undefined ? undefined : { ...rule },
    backend: call.backend,
    endpoint: call.endpoint,
    attempts: call.attempts,
    httpStatus: call.httpStatus,
    grpcStatus: grpcStatus === undefined ? undefined : codeName(grpcStatus),
    requestBytes: call.requestBytes,
    responseBytes: call.responseBytes,
    headMs: call.headMs === undefined ? undefined : milliseconds(call.headMs),
    durationMs: milliseconds(call.durationMs),
    side: call.side,
    reason: call.reason,
    traceId: trace?.traceId,
    spanId: trace?.spanId,
  };
}

/** To the microsecond. */
function milliseconds(value: number): number {
  return Math.round(value * 1000) / 1000;
}
