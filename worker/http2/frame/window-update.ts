/** WINDOW_UPDATE (RFC 9113 section 6.9): the increment, 31 bits. */
import type { Output } from "../output.ts";
import { FrameType, readUint31 } from "./frame.ts";

export const windowUpdateBytes = 4;

export function loadWindowUpdate(bytes: Uint8Array, at: number): number {
  return readUint31(bytes, at);
}

/** `streamId` 0 is the connection's window. */
export function encodeWindowUpdate(output: Output, streamId: number, increment: number): void {
  output.begin(windowUpdateBytes, FrameType.WINDOW_UPDATE, 0, streamId);
  output.uint32(increment);
}
