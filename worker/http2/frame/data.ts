/** DATA (RFC 9113 section 6.1). Received DATA is not loaded but passed on as it comes in: codec.ts. */
import type { Output } from "../output.ts";
import { FrameType } from "./frame.ts";

/** Frames `source[from, to)`, which must fit the peer's frame size and windows. */
export function encodeData(output: Output, streamId: number, source: Uint8Array, from: number, to: number): void {
  output.begin(to - from, FrameType.DATA, 0, streamId);
  output.put(source, from, to);
}
