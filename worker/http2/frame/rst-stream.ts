/** RST_STREAM (RFC 9113 section 6.4): the error code, 32 bits. */
import type { ErrorCode } from "../error.ts";
import type { Output } from "../output.ts";
import { FrameType, readUint32 } from "./frame.ts";

export const rstStreamBytes = 4;

export function loadRstStream(bytes: Uint8Array, at: number): ErrorCode {
  return readUint32(bytes, at);
}

export function encodeRstStream(output: Output, streamId: number, code: ErrorCode): void {
  output.begin(rstStreamBytes, FrameType.RST_STREAM, 0, streamId);
  output.uint32(code);
}
