import { codeName, type Code } from "./status.ts";

/** Who ended the call. */
export type Side = "caller" | "edge" | "origin";

export interface CallErrorOptions {
  readonly side: Side;
  /** Whether the origin has certainly not begun to process the call, so that sending it again is safe. */
  readonly unprocessed?: boolean;
  /** HTTP status for a caller that speaks plain HTTP, where the code's usual one does not say it right. */
  readonly httpStatus?: number;
  /** Milliseconds after which the call may be tried again. */
  readonly retryAfterMs?: number;
  readonly cause?: unknown;
}

/** Why a call ended without an answer of the origin's. Only gateway.ts turns one into an answer. */
export class CallError extends Error {
  override readonly name = "CallError";
  readonly code: Code;
  readonly side: Side;
  readonly unprocessed: boolean;
  readonly httpStatus: number | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(code: Code, message: string, options: CallErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.side = options.side;
    this.unprocessed = options.unprocessed ?? false;
    this.httpStatus = options.httpStatus;
    this.retryAfterMs = options.retryAfterMs;
  }

  override toString(): string {
    return `${codeName(this.code)}: ${this.message}`;
  }
}
