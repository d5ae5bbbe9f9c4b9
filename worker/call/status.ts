/**
 * gRPC status codes, by name and number, and their kin in HTTP.
 * Source: github.com/grpc/grpc doc/statuscodes.md and doc/http-grpc-status-mapping.md.
 */
export const Code = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;

/** A gRPC status number, 0 to 16. */
export type Code = (typeof Code)[keyof typeof Code];

export type CodeName = keyof typeof Code;

const names = Object.keys(Code) as CodeName[];

export function codeName(code: Code): CodeName {
  return names[code]!;
}

/** The status of a gRPC call that was answered with an HTTP status and no grpc-status. */
export function codeFromHttp(status: number): Code {
  switch (status) {
    case 400:
      return Code.INTERNAL;
    case 401:
      return Code.UNAUTHENTICATED;
    case 403:
      return Code.PERMISSION_DENIED;
    case 404:
      return Code.UNIMPLEMENTED;
    case 429:
    case 502:
    case 503:
    case 504:
      return Code.UNAVAILABLE;
    default:
      return Code.UNKNOWN;
  }
}
