/** Bytes in, frames out: cuts the stream into frames (RFC 9113 section 4) and puts field blocks together. */
import { ConnectionError, ErrorCode, StreamError } from "./error.ts";
import { FieldBlockBuilder, type FieldBlockLimits } from "./field-block.ts";
import { Flag, FrameType, frameHeaderBytes, minMaxFrameSize, readUint31 } from "./frame/frame.ts";
import { goAwayBytes } from "./frame/goaway.ts";
import { type Fragment, loadHeaders } from "./frame/headers.ts";
import { loadPadding } from "./frame/padding.ts";
import { pingBytes } from "./frame/ping.ts";
import { loadPriority, priorityBytes, selfDependence } from "./frame/priority.ts";
import { rstStreamBytes } from "./frame/rst-stream.ts";
import { windowUpdateBytes } from "./frame/window-update.ts";

/** What came in. Bytes are borrowed: valid until the call returns. Each may throw a connection or stream error. */
export interface FrameEvents {
  /**
   * A piece of a DATA frame: the whole of it if it came in one read. `charge` is what it takes from the windows (all of
   * the frame, with its first piece), `padding` the part of that which is no payload, `end` is set with the last piece.
   */
  onData(streamId: number, piece: Uint8Array, charge: number, padding: number, end: boolean): void;
  /** A whole field block: `bytes[start, end)`. */
  onHeaders(streamId: number, bytes: Uint8Array, start: number, end: number, endStream: boolean): void;
  /** A whole field block of HEADERS that are wrong themselves: all they are good for is to keep HPACK in step. */
  onRefusedHeaders(streamId: number, bytes: Uint8Array, start: number, end: number): void;
  onPriority(): void;
  onRstStream(streamId: number, bytes: Uint8Array, at: number): void;
  onSettings(bytes: Uint8Array, at: number, length: number, ack: boolean): void;
  onPing(bytes: Uint8Array, at: number, ack: boolean): void;
  onGoAway(bytes: Uint8Array, at: number, length: number): void;
  onWindowUpdate(streamId: number, bytes: Uint8Array, at: number): void;
  onUnknown(): void;
  /** `error` concerns one stream only; the frame that caused it is done with. */
  onStreamError(streamId: number, error: StreamError): void;
}

const empty = new Uint8Array(0);

export class FrameReader {
  readonly #events: FrameEvents;
  readonly #block: FieldBlockBuilder;
  readonly #fragment: Fragment = { start: 0, end: 0, selfDependent: false };
  #stopped = false;
  #units = 0;

  /** A frame, or its header, that a read broke off: `#carry[0, #carried)`, of `#needed` bytes. */
  #carry = empty;
  #carried = 0;
  #needed = frameHeaderBytes;

  /** Payload still to come of the DATA frame that is being passed on. */
  #dataLeft = 0;
  #dataStream = 0;
  #dataEnd = false;

  constructor(events: FrameEvents, limits: FieldBlockLimits) {
    this.#events = events;
    this.#block = new FieldBlockBuilder(limits);
  }

  /** Whether a frame header, a frame other than DATA, or a field block has begun and not ended. */
  get unfinished(): boolean {
    return this.#carried > 0 || this.#block.stream !== 0;
  }

  /** Frames that came in full, a whole field block counting as one. */
  get units(): number {
    return this.#units;
  }

  /** Nothing more is read, the rest of the bytes being received included. */
  stop(): void {
    this.#stopped = true;
  }

  receive(bytes: Uint8Array, at = 0): void {
    const end = bytes.length;
    while (at < end && !this.#stopped) {
      if (this.#dataLeft > 0) {
        at = this.#passData(bytes, at, end, 0);
      } else if (this.#carried > 0) {
        at = this.#refill(bytes, at, end);
      } else {
        const next = end - at < frameHeaderBytes ? at : this.#take(bytes, at, end);
        if (next === at) {
          this.#keep(bytes, at, end);
          return;
        }
        at = next;
      }
    }
  }

  /** Takes the frame whose header is at `at`; returns where the next begins, or `at` if too little is here. */
  #take(bytes: Uint8Array, at: number, end: number): number {
    const length = frameLength(bytes, at);
    const type = bytes[at + 3]!;
    const flags = bytes[at + 4]!;
    if (this.#block.stream !== 0 && type !== FrameType.CONTINUATION) {
      throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "a frame between HEADERS and CONTINUATION");
    }
    if (type === FrameType.DATA && (flags & Flag.PADDED) === 0) {
      return this.#beginData(bytes, at, end, length, flags);
    }
    const next = at + frameHeaderBytes + length;
    if (next > end) return at;
    const streamId = readUint31(bytes, at + 5);
    this.#units++;
    try {
      this.#frame(type, flags, streamId, bytes, at + frameHeaderBytes, length);
    } catch (error) {
      if (!(error instanceof StreamError)) throw error;
      this.#events.onStreamError(streamId, error);
    }
    return next;
  }

  #beginData(bytes: Uint8Array, at: number, end: number, length: number, flags: number): number {
    const streamId = readUint31(bytes, at + 5);
    if (streamId === 0) throw onStreamZero("DATA");
    this.#dataStream = streamId;
    this.#dataEnd = (flags & Flag.END_STREAM) !== 0;
    this.#dataLeft = length;
    const start = at + frameHeaderBytes;
    if (length === 0) {
      this.#data(empty, 0, 0, this.#dataEnd);
      return start;
    }
    return this.#passData(bytes, start, end, length);
  }

  /** Passes on what is here of a DATA frame's payload; `charge` is the frame's length with its first piece. */
  #passData(bytes: Uint8Array, at: number, end: number, charge: number): number {
    const stop = Math.min(end, at + this.#dataLeft);
    this.#dataLeft -= stop - at;
    this.#data(bytes.subarray(at, stop), charge, 0, this.#dataEnd && this.#dataLeft === 0);
    return stop;
  }

  #data(piece: Uint8Array, charge: number, padding: number, end: boolean): void {
    const streamId = this.#dataStream;
    try {
      this.#events.onData(streamId, piece, charge, padding, end);
    } catch (error) {
      if (!(error instanceof StreamError)) throw error;
      this.#events.onStreamError(streamId, error);
    }
  }

  #keep(bytes: Uint8Array, at: number, end: number): void {
    const needed = end - at < frameHeaderBytes ? frameHeaderBytes : frameHeaderBytes + frameLength(bytes, at);
    this.#room(needed);
    this.#carry.set(bytes.subarray(at, end));
    this.#carried = end - at;
    this.#needed = needed;
  }

  /** Completes what {@link #keep} kept, and takes it once it is whole. */
  #refill(bytes: Uint8Array, at: number, end: number): number {
    const stop = Math.min(end, at + this.#needed - this.#carried);
    this.#carry.set(bytes.subarray(at, stop), this.#carried);
    this.#carried += stop - at;
    if (this.#carried < this.#needed) return stop;
    const carried = this.#carried;
    const next = this.#take(this.#carry, 0, carried);
    if (next > 0) {
      this.#carried = 0;
      this.#needed = frameHeaderBytes;
      if (this.#carry.length > 1024) this.#carry = empty;
      return stop;
    }
    this.#needed = frameHeaderBytes + frameLength(this.#carry, 0);
    this.#room(this.#needed);
    return stop;
  }

  #room(needed: number): void {
    if (this.#carry.length >= needed) return;
    const larger = new Uint8Array(Math.max(64, needed));
    larger.set(this.#carry.subarray(0, this.#carried));
    this.#carry = larger;
  }

  #frame(type: number, flags: number, streamId: number, bytes: Uint8Array, at: number, length: number): void {
    switch (type) {
      case FrameType.DATA:
        return this.#paddedData(flags, streamId, bytes, at, length);
      case FrameType.HEADERS:
        return this.#headers(flags, streamId, bytes, at, length);
      case FrameType.CONTINUATION:
        return this.#continuation(flags, streamId, bytes, at, length);
      case FrameType.PRIORITY:
        if (streamId === 0) throw onStreamZero("PRIORITY");
        if (length !== priorityBytes) throw new StreamError(ErrorCode.FRAME_SIZE_ERROR, `PRIORITY of ${length} bytes`);
        loadPriority(bytes, at, streamId);
        return this.#events.onPriority();
      case FrameType.RST_STREAM:
        if (streamId === 0) throw onStreamZero("RST_STREAM");
        exactly("RST_STREAM", length, rstStreamBytes);
        return this.#events.onRstStream(streamId, bytes, at);
      case FrameType.SETTINGS:
        if (streamId !== 0) throw offStreamZero("SETTINGS");
        if ((flags & Flag.ACK) !== 0) exactly("an ACK of SETTINGS", length, 0);
        return this.#events.onSettings(bytes, at, length, (flags & Flag.ACK) !== 0);
      case FrameType.PUSH_PROMISE:
        // A client of ours says ENABLE_PUSH 0, a client never pushes: section 8.4.
        throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "PUSH_PROMISE although push is disabled");
      case FrameType.PING:
        if (streamId !== 0) throw offStreamZero("PING");
        exactly("PING", length, pingBytes);
        return this.#events.onPing(bytes, at, (flags & Flag.ACK) !== 0);
      case FrameType.GOAWAY:
        if (streamId !== 0) throw offStreamZero("GOAWAY");
        if (length < goAwayBytes) throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, `GOAWAY of ${length} bytes`);
        return this.#events.onGoAway(bytes, at, length);
      case FrameType.WINDOW_UPDATE:
        exactly("WINDOW_UPDATE", length, windowUpdateBytes);
        return this.#events.onWindowUpdate(streamId, bytes, at);
      default:
        return this.#events.onUnknown();
    }
  }

  #paddedData(flags: number, streamId: number, bytes: Uint8Array, at: number, length: number): void {
    if (streamId === 0) throw onStreamZero("DATA");
    const padding = loadPadding(bytes, at, length);
    const piece = bytes.subarray(at + 1, at + length - padding);
    this.#dataStream = streamId;
    this.#data(piece, length, padding + 1, (flags & Flag.END_STREAM) !== 0);
  }

  #headers(flags: number, streamId: number, bytes: Uint8Array, at: number, length: number): void {
    if (streamId === 0) throw onStreamZero("HEADERS");
    const fragment = this.#fragment;
    loadHeaders(bytes, at, length, flags, streamId, fragment);
    const endStream = (flags & Flag.END_STREAM) !== 0;
    if ((flags & Flag.END_HEADERS) !== 0) {
      return this.#fieldBlock(streamId, bytes, fragment.start, fragment.end, endStream, fragment.selfDependent);
    }
    this.#block.begin(streamId, endStream, fragment.selfDependent, bytes, fragment.start, fragment.end);
  }

  #continuation(flags: number, streamId: number, bytes: Uint8Array, at: number, length: number): void {
    const block = this.#block;
    this.#units--;
    if (block.stream === 0 || block.stream !== streamId) {
      throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "CONTINUATION without HEADERS of its stream");
    }
    block.proceed(bytes, at, at + length);
    if ((flags & Flag.END_HEADERS) === 0) return;
    this.#fieldBlock(streamId, block.finish(), 0, block.length, block.endStream, block.refused);
  }

  #fieldBlock(
    streamId: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    endStream: boolean,
    selfDependent: boolean,
  ): void {
    if (!selfDependent) return this.#events.onHeaders(streamId, bytes, start, end, endStream);
    this.#events.onRefusedHeaders(streamId, bytes, start, end);
    throw selfDependence();
  }
}

/** The length a frame header gives, within the MAX_FRAME_SIZE that we never raise (RFC 9113 section 4.2). */
function frameLength(bytes: Uint8Array, at: number): number {
  const length = (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!;
  if (length > minMaxFrameSize) {
    throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, `a frame of ${length} bytes, ${minMaxFrameSize} at most`);
  }
  return length;
}

function exactly(frame: string, length: number, expected: number): void {
  if (length === expected) return;
  throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, `${frame} of ${length} bytes instead of ${expected}`);
}

function onStreamZero(frame: string): ConnectionError {
  return new ConnectionError(ErrorCode.PROTOCOL_ERROR, `${frame} on stream 0`);
}

function offStreamZero(frame: string): ConnectionError {
  return new ConnectionError(ErrorCode.PROTOCOL_ERROR, `${frame} on a stream`);
}
