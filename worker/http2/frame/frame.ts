/** What all frames share (RFC 9113 section 4.1 and section 6). */
export const frameHeaderBytes = 9;

/** What a client sends first (section 3.4). */
export const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

export const maxStreamId = 0x7fff_ffff;

/** Sizes of a frame's payload (section 4.2). */
export const minMaxFrameSize = 16_384;
export const maxMaxFrameSize = 16_777_215;

/** Window sizes (section 6.9). */
export const defaultWindow = 65_535;
export const maxWindow = 0x7fff_ffff;

export const FrameType = {
  DATA: 0x0,
  HEADERS: 0x1,
  PRIORITY: 0x2,
  RST_STREAM: 0x3,
  SETTINGS: 0x4,
  PUSH_PROMISE: 0x5,
  PING: 0x6,
  GOAWAY: 0x7,
  WINDOW_UPDATE: 0x8,
  CONTINUATION: 0x9,
} as const;

export const Flag = {
  ACK: 0x1,
  END_STREAM: 0x1,
  END_HEADERS: 0x4,
  PADDED: 0x8,
  PRIORITY: 0x20,
} as const;

/** Big-endian. The result is an unsigned number. */
export function readUint32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

/** The same with the reserved first bit ignored, as stream identifiers and window increments are read. */
export function readUint31(bytes: Uint8Array, at: number): number {
  return readUint32(bytes, at) & 0x7fff_ffff;
}
