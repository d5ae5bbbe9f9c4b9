/**
 *  SETTINGS (RFC 9113 section 6.5): any number of
 *  +-------------------------------+
 *  |       Identifier (16)         |
 *  +-------------------------------+-------------------------------+
 *  |                        Value (32)                             |
 *  +---------------------------------------------------------------+
 */
import { ConnectionError, ErrorCode } from "../error.ts";
import type { Output } from "../output.ts";
import { Flag, FrameType, maxMaxFrameSize, maxWindow, minMaxFrameSize, readUint32 } from "./frame.ts";

export const SettingId = {
  HEADER_TABLE_SIZE: 0x1,
  ENABLE_PUSH: 0x2,
  MAX_CONCURRENT_STREAMS: 0x3,
  INITIAL_WINDOW_SIZE: 0x4,
  MAX_FRAME_SIZE: 0x5,
  MAX_HEADER_LIST_SIZE: 0x6,
} as const;

const settingBytes = 6;

/** Calls `apply` for each setting in order (section 6.5.3), values checked. Unknown ones pass unchecked. */
export function loadSettings(
  bytes: Uint8Array,
  at: number,
  length: number,
  apply: (id: number, value: number) => void,
): void {
  if (length % settingBytes !== 0) {
    throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, "SETTINGS is not a multiple of 6 bytes");
  }
  for (const end = at + length; at < end; at += settingBytes) {
    const id = (bytes[at]! << 8) | bytes[at + 1]!;
    const value = readUint32(bytes, at + 2);
    if (id === SettingId.ENABLE_PUSH && value > 1) {
      throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, `ENABLE_PUSH is ${value}`);
    }
    if (id === SettingId.INITIAL_WINDOW_SIZE && value > maxWindow) {
      throw new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, `INITIAL_WINDOW_SIZE is ${value}`);
    }
    if (id === SettingId.MAX_FRAME_SIZE && (value < minMaxFrameSize || value > maxMaxFrameSize)) {
      throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, `MAX_FRAME_SIZE is ${value}`);
    }
    apply(id, value);
  }
}

export function encodeSettings(output: Output, settings: readonly (readonly [id: number, value: number])[]): void {
  output.begin(settings.length * settingBytes, FrameType.SETTINGS, 0, 0);
  for (const [id, value] of settings) {
    output.bytes[output.at] = id >>> 8;
    output.bytes[output.at + 1] = id;
    output.at += 2;
    output.uint32(value);
  }
}

export function encodeSettingsAck(output: Output): void {
  output.begin(0, FrameType.SETTINGS, Flag.ACK, 0);
}
