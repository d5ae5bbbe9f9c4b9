/** HTTP/2 error codes (RFC 9113 section 7), and how they and gRPC's status codes stand for each other. */
import { CallError, type Side } from "../call/error.ts";
import { Code } from "../call/status.ts";

export const ErrorCode = {
  NO_ERROR: 0x0,
  PROTOCOL_ERROR: 0x1,
  INTERNAL_ERROR: 0x2,
  FLOW_CONTROL_ERROR: 0x3,
  SETTINGS_TIMEOUT: 0x4,
  STREAM_CLOSED: 0x5,
  FRAME_SIZE_ERROR: 0x6,
  REFUSED_STREAM: 0x7,
  CANCEL: 0x8,
  COMPRESSION_ERROR: 0x9,
  CONNECT_ERROR: 0xa,
  ENHANCE_YOUR_CALM: 0xb,
  INADEQUATE_SECURITY: 0xc,
  HTTP_1_1_REQUIRED: 0xd,
} as const;

/** What goes into RST_STREAM and GOAWAY. A peer may send codes that are not in the table. */
export type ErrorCode = number;

const errorNames = Object.keys(ErrorCode);

export function errorCodeName(code: ErrorCode): string {
  return errorNames[code] ?? `0x${code.toString(16)}`;
}

/** The connection cannot go on (RFC 9113 section 5.4.1): it is answered with GOAWAY and closed. */
export class ConnectionError extends Error {
  override readonly name = "ConnectionError";
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** One stream cannot go on (RFC 9113 section 5.4.2): it is answered with RST_STREAM. */
export class StreamError extends Error {
  override readonly name = "StreamError";
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** gRPC's reading of an RST_STREAM code (github.com/grpc/grpc doc/PROTOCOL-HTTP2.md, "Errors"). */
function statusOfReset(code: ErrorCode): Code {
  switch (code) {
    case ErrorCode.REFUSED_STREAM:
      return Code.UNAVAILABLE;
    case ErrorCode.CANCEL:
      return Code.CANCELLED;
    case ErrorCode.ENHANCE_YOUR_CALM:
      return Code.RESOURCE_EXHAUSTED;
    case ErrorCode.INADEQUATE_SECURITY:
      return Code.PERMISSION_DENIED;
    default:
      return Code.INTERNAL;
  }
}

/** The RST_STREAM code that tells a peer about `error` (the same table, read backwards). */
export function resetOfError(error: CallError): ErrorCode {
  if (error.unprocessed) return ErrorCode.REFUSED_STREAM;
  switch (error.code) {
    case Code.CANCELLED:
    case Code.DEADLINE_EXCEEDED:
      return ErrorCode.CANCEL;
    case Code.RESOURCE_EXHAUSTED:
      return ErrorCode.ENHANCE_YOUR_CALM;
    case Code.PERMISSION_DENIED:
      return ErrorCode.INADEQUATE_SECURITY;
    default:
      return ErrorCode.INTERNAL_ERROR;
  }
}

/** What an RST_STREAM of the peer's means to the call. `side` is the peer's. */
export function resetByPeer(code: ErrorCode, side: Side): CallError {
  return new CallError(statusOfReset(code), `the ${side} reset the stream with ${errorCodeName(code)}`, {
    side,
    unprocessed: code === ErrorCode.REFUSED_STREAM,
  });
}
