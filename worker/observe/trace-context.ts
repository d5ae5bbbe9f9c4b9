/** W3C Trace Context (www.w3.org/TR/trace-context-1): a call's place in a trace. */
import { Fields } from "../call/fields.ts";

export interface TraceContext {
  /** 32 digits of lower-case hexadecimal. */
  readonly traceId: string;
  /** Of the call's span at the edge: 16 digits. */
  readonly spanId: string;
  /** The caller's span. Undefined: the trace begins here. */
  readonly parentId: string | undefined;
  /** Whether spans of this trace are recorded. */
  readonly sampled: boolean;
}

/** Gives random lower-case hexadecimal digits, `count` of them. */
export type RandomHex = (count: number) => string;

/** version "-" trace-id "-" parent-id "-" flags; a version after 00 may have more behind it. */
const form = /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/**
 * The call's own place below that of its caller, whose decision to record holds; a trace that begins here is recorded for
 * a share of `ratio` of the calls, by the trace's id, so that whoever decides by the same ratio decides the same.
 */
export function traceOf(fields: Fields, ratio: number, randomHex: RandomHex): TraceContext {
  const [, version, traceId, parentId, flags, more] = form.exec(fields.get("traceparent") ?? "") ?? [];
  const spanId = randomHex(16);
  if (traceId === undefined || (version === "00" && more !== undefined)) {
    const fresh = randomHex(32);
    return { traceId: fresh, spanId, parentId: undefined, sampled: isWithin(ratio, fresh) };
  }
  return { traceId, spanId, parentId, sampled: (Number.parseInt(flags!, 16) & 1) === 1 };
}

/** OpenTelemetry's TraceIdRatioBased, by the random part that W3C's level 2 promises: the last seven bytes. */
function isWithin(ratio: number, traceId: string): boolean {
  return Number.parseInt(traceId.slice(-13), 16) < ratio * 2 ** 52;
}

/** `fields` with `trace` as the caller's place. */
export function withTrace(fields: Fields, { traceId, spanId, sampled }: TraceContext): Fields {
  const flat: string[] = [];
  for (let i = 0; i < fields.flat.length; i += 2) {
    if (fields.flat[i] !== "traceparent") flat.push(fields.flat[i]!, fields.flat[i + 1]!);
  }
  flat.push("traceparent", `00-${traceId}-${spanId}-${sampled ? "01" : "00"}`);
  return new Fields(flat, fields.neverIndexed);
}
