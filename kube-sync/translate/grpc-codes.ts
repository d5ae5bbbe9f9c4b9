/** gRPC's status codes by name, in lower case (grpc/doc/statuscodes.md). */
const CODES = [
  "ok",
  "cancelled",
  "unknown",
  "invalid_argument",
  "deadline_exceeded",
  "not_found",
  "already_exists",
  "permission_denied",
  "resource_exhausted",
  "failed_precondition",
  "aborted",
  "out_of_range",
  "unimplemented",
  "internal",
  "unavailable",
  "data_loss",
  "unauthenticated",
];

/** The code of a name such as "UNAVAILABLE" or "resource-exhausted"; undefined: it is none. */
export function grpcCode(name: string): number | undefined {
  const code = CODES.indexOf(name.toLowerCase().replaceAll("-", "_"));
  return code < 0 ? undefined : code;
}
