/** PING (RFC 9113 section 6.7): eight opaque bytes, sent back by the one who gets them. */
import type { Output } from "../output.ts";
import { Flag, FrameType, readUint32 } from "./frame.ts";

export const pingBytes = 8;

/** What an ACK brings back, of those {@link encodePing} sent. */
export function loadPing(bytes: Uint8Array, at: number): number {
  return readUint32(bytes, at + 4);
}

/** `payload`: 32 bits that tell one PING from another. */
export function encodePing(output: Output, payload: number): void {
  output.begin(pingBytes, FrameType.PING, 0, 0);
  output.uint32(0);
  output.uint32(payload);
}

export function encodePingAck(output: Output, bytes: Uint8Array, at: number): void {
  output.begin(pingBytes, FrameType.PING, Flag.ACK, 0);
  output.put(bytes, at, at + pingBytes);
}
