/** What a stream needs of its connection. */
import type { CallError, Side } from "../../call/error.ts";
import type { Fields } from "../../call/fields.ts";
import type { ErrorCode } from "../error.ts";
import type { Http2Limits } from "../limits.ts";
import type { Stream } from "./stream.ts";

export interface StreamOwner {
  /** Who is at the other end. */
  readonly peer: Side;
  /** What a stream's window may grow to just now. */
  readonly grownReceiveWindow: number;
  readonly streamSendWindow: number;
  readonly maxFrameSize: number;
  readonly limits: Http2Limits;
  /** Frames as much of `bytes` as windows and transport take. Returns how much. */
  sendData(stream: Stream, bytes: Uint8Array): number;
  /** Sends END_STREAM, with `trailers` if there are any. */
  sendEnd(stream: Stream, trailers: Fields): void;
  sendReset(streamId: number, code: ErrorCode): void;
  sendWindowUpdate(streamId: number, increment: number): void;
  giveConnectionWindow(bytes: number): void;
  /** `stream` has bytes to send: its `sendWaiting` is called when they may go. */
  wait(stream: Stream): void;
  /** Monotonic milliseconds. */
  now(): number;
  /** `stream` is closed. */
  leave(stream: Stream): void;
  /** Counts a limit that was passed, and makes the error that says so. */
  exceeded(limit: keyof Http2Limits, why: string): CallError;
}
