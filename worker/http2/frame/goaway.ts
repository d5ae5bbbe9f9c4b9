/**
 *  GOAWAY (RFC 9113 section 6.8).
 *  +-+-------------------------------------------------------------+
 *  |R|                  Last-Stream-ID (31)                        |
 *  +-+-------------------------------------------------------------+
 *  |                      Error Code (32)                          |
 *  +---------------------------------------------------------------+
 *  |                  Additional Debug Data (*)                    |
 *  +---------------------------------------------------------------+
 */
import type { ErrorCode } from "../error.ts";
import type { Output } from "../output.ts";
import { latin1, writeLatin1 } from "../../call/octets.ts";
import { FrameType, readUint31, readUint32 } from "./frame.ts";

export const goAwayBytes = 8;

/** As much of the debug data as is worth keeping. */
const maxDebugBytes = 256;

export interface GoAway {
  readonly lastStreamId: number;
  readonly code: ErrorCode;
  readonly debug: string;
}

export function loadGoAway(bytes: Uint8Array, at: number, length: number): GoAway {
  const end = at + Math.min(length, goAwayBytes + maxDebugBytes);
  return {
    lastStreamId: readUint31(bytes, at),
    code: readUint32(bytes, at + 4),
    debug: latin1(bytes, at + goAwayBytes, end),
  };
}

/** `debug` is ASCII. */
export function encodeGoAway(output: Output, lastStreamId: number, code: ErrorCode, debug: string): void {
  const text = debug.slice(0, maxDebugBytes);
  output.begin(goAwayBytes + text.length, FrameType.GOAWAY, 0, 0);
  output.uint32(lastStreamId);
  output.uint32(code);
  output.at = writeLatin1(text, output.bytes, output.at);
}
