/** Which failures are worth another attempt. */
import type { Retry } from "../../routes/policies.ts";
import type { CallError } from "../call/error.ts";
import type { RequestHead, ResponseHead } from "../call/http.ts";
import { Code, codeFromHttp } from "../call/status.ts";

/** Whether a rule wants another attempt after this answer. One whose status comes behind messages has begun: it counts. */
export function wantsAgain(retry: Retry, request: RequestHead, { status, fields }: ResponseHead): boolean {
  const code = fields.get("grpc-status");
  if (code !== undefined) return retry.grpcCodes.includes(Number(code));
  if (retry.httpStatuses.includes(status)) return true;
  return status !== 200 && isGrpc(request) && retry.grpcCodes.includes(codeFromHttp(status));
}

/** Whether a rule wants another attempt after none was answered. `late`: within the time that an attempt has. */
export function wantsAnew(retry: Retry, error: CallError, late: boolean): boolean {
  if (retry.onReset || retry.grpcCodes.includes(error.code)) return true;
  return late && retry.httpStatuses.includes(504);
}

/** Whether a request without a body may be sent again unasked when its connection breaks (RFC 9110 section 9.2.1). */
export function isSafe({ method }: RequestHead): boolean {
  return method === "GET" || method === "HEAD" || method === "OPTIONS";
}

function isGrpc({ fields }: RequestHead): boolean {
  return fields.get("content-type")?.startsWith("application/grpc") === true;
}

/**
 * What the origin says of when to try again (gRFC A6): milliseconds, "never", or undefined if it says nothing. What is no
 * number means never.
 */
export function pushbackOf({ fields }: ResponseHead): number | "never" | undefined {
  const value = fields.get("grpc-retry-pushback-ms");
  if (value === undefined) return undefined;
  return /^\d{1,9}$/.test(value) ? Number(value) : "never";
}

/** Milliseconds before the n-th retry, from 0: full jitter, so that those who failed together do not come together. */
export function backoffMs({ backoffMs: first, maxBackoffMs }: Retry, n: number, random: () => number): number {
  return random() * Math.min(maxBackoffMs, first * 2 ** n);
}

/** Whether the time that a call had was over. */
export function isLate(reason: CallError): boolean {
  return reason.code === Code.DEADLINE_EXCEEDED;
}
