/**
 *  +---------------+
 *  |Pad Length? (8)|   with the PADDED flag, DATA and HEADERS alike (RFC 9113 sections 6.1 and 6.2)
 *  +---------------+
 *  |   ...         |
 *  +---------------+
 *  |  Padding? (*)
 *  +---------------+
 */
import { ConnectionError, ErrorCode } from "../error.ts";

/** How many bytes of padding end the `length` bytes at `at`, whose first is the pad length. */
export function loadPadding(bytes: Uint8Array, at: number, length: number): number {
  if (length < 1) throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, "padded frame without a pad length");
  const padding = bytes[at]!;
  if (padding >= length) throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "padding longer than the frame");
  return padding;
}
