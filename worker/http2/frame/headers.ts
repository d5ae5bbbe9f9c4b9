/**
 *  HEADERS (RFC 9113 section 6.2) and CONTINUATION (section 6.10).
 *  +---------------+
 *  |Pad Length? (8)|
 *  +-+-------------+-----------------------------------------------+
 *  |E|                 Stream Dependency? (31)                     |
 *  +-+-------------+-----------------------------------------------+
 *  |  Weight? (8)  |
 *  +-+-------------+-----------------------------------------------+
 *  |                   Field Block Fragment (*)                  ...
 *  +---------------------------------------------------------------+
 *  |                           Padding (*)                       ...
 *  +---------------------------------------------------------------+
 */
import { ConnectionError, ErrorCode } from "../error.ts";
import type { Output } from "../output.ts";
import { Flag, FrameType, readUint31 } from "./frame.ts";
import { loadPadding } from "./padding.ts";
import { priorityBytes } from "./priority.ts";

/** Where in the frame the field block fragment is. */
export interface Fragment {
  start: number;
  end: number;
  /** The stream names itself as what it depends on: an error of this stream's only. */
  selfDependent: boolean;
}

/** Fills `into`, so that a connection needs one for its life. Priority is deprecated (section 5.3.2): checked and passed over. */
export function loadHeaders(
  bytes: Uint8Array,
  at: number,
  length: number,
  flags: number,
  streamId: number,
  into: Fragment,
): void {
  let start = at;
  let end = at + length;
  if ((flags & Flag.PADDED) !== 0) {
    end -= loadPadding(bytes, at, length);
    start += 1;
  }
  into.selfDependent = false;
  if ((flags & Flag.PRIORITY) !== 0) {
    if (end - start < priorityBytes)
      throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, "HEADERS too short for its priority");
    into.selfDependent = readUint31(bytes, start) === streamId;
    start += priorityBytes;
  }
  into.start = start;
  into.end = end;
}

/** Encodes `block[0, length)` as HEADERS and as many CONTINUATION as the frame size makes necessary. */
export function encodeHeaders(
  output: Output,
  streamId: number,
  block: Uint8Array,
  length: number,
  endStream: boolean,
  maxFrameSize: number,
): void {
  const end = endStream ? Flag.END_STREAM : 0;
  if (length <= maxFrameSize) {
    output.begin(length, FrameType.HEADERS, Flag.END_HEADERS | end, streamId);
    output.put(block, 0, length);
    return;
  }
  output.begin(maxFrameSize, FrameType.HEADERS, end, streamId);
  output.put(block, 0, maxFrameSize);
  for (let at = maxFrameSize; at < length;) {
    const next = Math.min(at + maxFrameSize, length);
    output.begin(next - at, FrameType.CONTINUATION, next === length ? Flag.END_HEADERS : 0, streamId);
    output.put(block, at, next);
    at = next;
  }
}
