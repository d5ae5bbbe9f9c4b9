/**
 *  PRIORITY (RFC 9113 section 6.3): deprecated; checked, then ignored.
 *  +-+-------------------------------------------------------------+
 *  |E|                  Stream Dependency (31)                     |
 *  +-+-------------+-----------------------------------------------+
 *  |   Weight (8)  |
 *  +-+-------------+
 */
import { ErrorCode, StreamError } from "../error.ts";
import { readUint31 } from "./frame.ts";

export const priorityBytes = 5;

/** A stream must not depend on itself (RFC 7540 section 5.3.1), be it here or in HEADERS. */
export function loadPriority(bytes: Uint8Array, at: number, streamId: number): void {
  if (readUint31(bytes, at) === streamId) throw selfDependence();
}

export function selfDependence(): StreamError {
  return new StreamError(ErrorCode.PROTOCOL_ERROR, "a stream that depends on itself");
}
