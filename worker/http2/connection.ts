/**
 * A connection without I/O (RFC 9113): bytes in ({@link Connection.receive}), bytes and events out (endpoint.ts). Here is
 * the receiving half that both roles share; client/ and server/ add how exchanges begin.
 */
import { CallError } from "../call/error.ts";
import { Code } from "../call/status.ts";
import { FrameReader, type FrameEvents } from "./codec.ts";
import { Endpoint, type Setup } from "./endpoint.ts";
import { ConnectionError, ErrorCode, type StreamError } from "./error.ts";
import { type GoAway, loadGoAway } from "./frame/goaway.ts";
import { encodePingAck, loadPing } from "./frame/ping.ts";
import { loadRstStream } from "./frame/rst-stream.ts";
import { encodeSettingsAck, loadSettings, SettingId } from "./frame/settings.ts";
import { loadWindowUpdate } from "./frame/window-update.ts";
import { MessageReader } from "./message/read.ts";
import { mayReceive } from "./stream/state.ts";
import type { Stream } from "./stream/stream.ts";

/** DATA that brings less and ends nothing costs more than it is worth: gRPC's own prefix has five bytes. */
const smallDataBytes = 5;

/** Window updates that a frame of ours is worth: for its stream and for the connection, and again for its other half. */
const updatesPerFrame = 4;

export abstract class Connection<S extends Stream = Stream> extends Endpoint<S> implements FrameEvents {
  protected readonly reading: MessageReader;
  readonly #reader: FrameReader;
  #metSettings = false;

  constructor(setup: Setup) {
    super(setup);
    const { limits } = setup;
    this.reading = new MessageReader(limits);
    this.#reader = new FrameReader(this, {
      maxContinuations: limits.maxContinuations,
      maxBlockBytes: limits.maxHeaderListBytes * 4,
      exceeded: (limit) => this.abuse.exceeded(limit),
    });
  }

  /** Bytes from the peer; borrowed. */
  receive(bytes: Uint8Array, at = 0): void {
    if (this.closed) return;
    try {
      this.#reader.receive(bytes, at);
      this.life.heard();
    } catch (error) {
      this.breakDown(error instanceof ConnectionError ? error : defect(error));
    }
  }

  /** The transport is gone. */
  lost(error?: Error): void {
    const why = error === undefined ? "the connection was closed" : `the connection was lost: ${error.message}`;
    this.finish(new CallError(Code.UNAVAILABLE, why, { side: this.peer, cause: error }));
  }

  override finish(error: CallError | undefined): void {
    this.#reader.stop();
    super.finish(error);
  }

  /** Whether the peer owes the rest of something short: a frame header, a field block, its first SETTINGS. */
  get unfinished(): boolean {
    return !this.#metSettings || this.#reader.unfinished;
  }

  /** Frames and field blocks that came in full. */
  get units(): number {
    return this.#reader.units;
  }

  // ---- Frames from the peer (codec.ts).

  onData(streamId: number, piece: Uint8Array, charge: number, padding: number, end: boolean): void {
    this.#expectSettings();
    if (charge > 0 && !this.receiving.take(charge)) {
      throw new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, "DATA beyond the connection's window");
    }
    const stream = this.streams.get(streamId);
    if (stream === undefined || !mayReceive(stream.state)) {
      this.giveConnectionWindow(piece.length + padding);
      // What is under way on a stream that we reset is paid for with its window; later pieces of a frame are no frame.
      if (piece.length > 0 && (charge === 0 || this.resets.has(streamId))) return;
      this.#refuseFrame(streamId, stream, "DATA");
      return;
    }
    if (!end && piece.length < smallDataBytes) this.#spendOnSmall(piece.length, charge, padding);
    stream.receiveData(piece, charge, padding, end);
  }

  /**
   * A frame of few bytes costs as much as one of many. Pieces of a larger frame do not count, nor do those of no bytes,
   * where a read ended with the frame's header.
   */
  #spendOnSmall(length: number, charge: number, padding: number): void {
    const earned = this.sending.frames * this.smallDataPerFrame;
    if (length === 0 && charge === padding) this.abuse.spend("emptyDataBurst", earned);
    else if (charge > 0 && charge < smallDataBytes) this.abuse.spend("smallDataBurst", earned);
  }

  onHeaders(streamId: number, bytes: Uint8Array, start: number, end: number, endStream: boolean): void {
    this.#expectSettings();
    const stream = this.streams.get(streamId);
    if (stream === undefined) {
      if (this.isIdle(streamId)) {
        this.onNewStream(streamId, bytes, start, end, endStream);
        return;
      }
      this.reading.skip(bytes, start, end);
      this.#refuseFrame(streamId, stream, "HEADERS");
    } else if (mayReceive(stream.state)) {
      stream.receiveHeaders(bytes, start, end, endStream);
    } else {
      this.reading.skip(bytes, start, end);
      this.#refuseFrame(streamId, stream, "HEADERS");
    }
  }

  onRefusedHeaders(streamId: number, bytes: Uint8Array, start: number, end: number): void {
    this.#expectSettings();
    this.reading.skip(bytes, start, end);
    if (this.streams.get(streamId) === undefined && this.isIdle(streamId)) this.onStreamUsed(streamId);
  }

  /** DATA or HEADERS for a stream that takes none. */
  #refuseFrame(streamId: number, stream: S | undefined, frame: string): void {
    if (stream === undefined && this.isIdle(streamId)) {
      throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, `${frame} on an idle stream`);
    }
    if (this.resets.has(streamId)) return this.spendOnIdle();
    throw new ConnectionError(ErrorCode.STREAM_CLOSED, `${frame} on a stream that had ended`);
  }

  /** A frame without effect. */
  protected spendOnIdle(): void {
    this.abuse.spend("idleFrameBurst", this.sending.frames);
  }

  onPriority(): void {
    this.#expectSettings();
    this.spendOnIdle();
  }

  onRstStream(streamId: number, bytes: Uint8Array, at: number): void {
    this.#expectSettings();
    const stream = this.streams.get(streamId);
    if (stream !== undefined) {
      const code = loadRstStream(bytes, at);
      this.onReset();
      stream.receiveReset(code);
      return;
    }
    if (this.isIdle(streamId)) throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "RST_STREAM on an idle stream");
    this.spendOnIdle();
  }

  onSettings(bytes: Uint8Array, at: number, length: number, ack: boolean): void {
    if (ack) return this.#expectSettings();
    this.abuse.spend("settingsBurst");
    this.#metSettings = true;
    loadSettings(bytes, at, length, (id, value) => this.#applySetting(id, value));
    encodeSettingsAck(this.output);
    this.sending.sendWaiting();
    this.onSettingsApplied();
  }

  #applySetting(id: number, value: number): void {
    if (id === SettingId.HEADER_TABLE_SIZE) this.writing.setMaxTableBytes(value);
    else if (id === SettingId.INITIAL_WINDOW_SIZE) this.sending.setStreamWindow(value, this.streams.values());
    else this.onSetting(id, value);
  }

  onPing(bytes: Uint8Array, at: number, ack: boolean): void {
    this.#expectSettings();
    if (!ack) {
      this.abuse.spend("pingBurst", this.sending.frames);
      encodePingAck(this.output, bytes, at);
      return;
    }
    const payload = loadPing(bytes, at);
    const acked = this.pings.get(payload);
    if (acked === undefined) return this.abuse.spend("pingBurst");
    this.pings.delete(payload);
    acked();
  }

  onGoAway(bytes: Uint8Array, at: number, length: number): void {
    this.#expectSettings();
    this.abuse.spend("settingsBurst");
    this.onPeerGoAway(loadGoAway(bytes, at, length));
  }

  onWindowUpdate(streamId: number, bytes: Uint8Array, at: number): void {
    this.#expectSettings();
    this.abuse.spend("windowUpdateBurst", this.sending.frames * updatesPerFrame);
    const increment = loadWindowUpdate(bytes, at);
    if (streamId === 0) return this.sending.openConnection(increment);
    const stream = this.streams.get(streamId);
    if (stream !== undefined) return this.sending.openStream(stream, increment);
    if (this.isIdle(streamId)) throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "WINDOW_UPDATE on an idle stream");
  }

  onUnknown(): void {
    this.#expectSettings();
    this.spendOnIdle();
  }

  onStreamError(streamId: number, error: StreamError): void {
    const stream = this.streams.get(streamId);
    // No RST_STREAM may be sent for a stream that nobody opened (section 5.1, idle).
    if (stream === undefined && this.isIdle(streamId)) throw new ConnectionError(error.code, error.message);
    this.onProvokedReset(stream);
    if (stream === undefined) this.sendReset(streamId, error.code);
    else stream.abort(new CallError(Code.INTERNAL, error.message, { side: this.peer }), error.code);
  }

  /** The peer's first frame is SETTINGS (section 3.4). */
  #expectSettings(): void {
    if (!this.#metSettings) throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "the first frame is not SETTINGS");
  }

  // ---- What the roles add.

  /** DATA of next to nothing that a frame of ours is worth. */
  protected abstract readonly smallDataPerFrame: number;
  /** Whether `streamId` has not been used yet, by either side. */
  protected abstract isIdle(streamId: number): boolean;
  /** HEADERS on an idle stream. */
  protected abstract onNewStream(
    streamId: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    endStream: boolean,
  ): void;
  /** The peer used an idle stream up, without effect. */
  protected abstract onStreamUsed(streamId: number): void;
  /** The peer resets a stream that was under way. */
  protected abstract onReset(): void;
  /** We reset a stream for an error of the peer's; undefined: one that is not under way. */
  protected abstract onProvokedReset(stream: S | undefined): void;
  /** A setting that concerns one role. */
  protected abstract onSetting(id: number, value: number): void;
  protected abstract onSettingsApplied(): void;
  protected abstract onPeerGoAway(goAway: GoAway): void;
}

/** An error of ours, or of what hangs on the streams. */
function defect(error: unknown): ConnectionError {
  const why = error instanceof Error ? error.message : String(error);
  return new ConnectionError(ErrorCode.INTERNAL_ERROR, why);
}
