/** What we may send (RFC 9113 section 5.2): windows, the transport's readiness, and whose turn it is. */
import { ConnectionError, ErrorCode, StreamError } from "../error.ts";
import { encodeData } from "../frame/data.ts";
import { defaultWindow, maxWindow, minMaxFrameSize } from "../frame/frame.ts";
import type { Output } from "../output.ts";
import type { Stream } from "../stream/stream.ts";

export class SendFlow {
  /** INITIAL_WINDOW_SIZE of the peer. */
  streamWindow = defaultWindow;
  /** Payload of a DATA or HEADERS frame. A peer that takes more gets no more: streams shall take turns. */
  readonly maxFrameSize = minMaxFrameSize;
  /** DATA and HEADERS frames sent: what a peer has to answer for. */
  frames = 0;
  /** The transport takes no more for now. */
  blocked = false;
  #window = defaultWindow;
  readonly #output: Output;
  /** Streams with bytes that only the connection's window or the transport keeps from going, in their turn. */
  readonly #waiting = new Set<Stream>();

  constructor(output: Output) {
    this.#output = output;
  }

  /** Frames as much of `bytes` as may go; returns how much. */
  send(stream: Stream, bytes: Uint8Array): number {
    const output = this.#output;
    const allowed = Math.min(bytes.length, this.#window, stream.sendWindow);
    let sent = 0;
    while (sent < allowed && !this.blocked) {
      const joined = output.join(stream.id, bytes, sent, allowed, this.maxFrameSize);
      sent += joined;
      if (joined > 0) continue;
      const next = Math.min(allowed, sent + this.maxFrameSize);
      encodeData(output, stream.id, bytes, sent, next);
      sent = next;
      this.frames++;
    }
    this.#window -= sent;
    stream.sendWindow -= sent;
    return sent;
  }

  wait(stream: Stream): void {
    this.#waiting.add(stream);
  }

  leave(stream: Stream): void {
    this.#waiting.delete(stream);
  }

  /** Gives each waiting stream a frame's turn, round and round, until nothing may go. */
  sendWaiting(): void {
    for (const stream of this.#waiting) {
      if (this.blocked || this.#window === 0) return;
      // Those that go on waiting have their turn at the end of the round: a Set visits what is added while it is read.
      this.#waiting.delete(stream);
      if (stream.sendWaiting()) this.#waiting.add(stream);
    }
  }

  /** The peer's WINDOW_UPDATE for the connection. */
  openConnection(increment: number): void {
    if (increment === 0) throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "WINDOW_UPDATE of 0");
    if (this.#window + increment > maxWindow) {
      throw new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, "a window beyond 2^31-1");
    }
    this.#window += increment;
    this.sendWaiting();
  }

  /** The peer's WINDOW_UPDATE for `stream`. */
  openStream(stream: Stream, increment: number): void {
    if (increment === 0) throw new StreamError(ErrorCode.PROTOCOL_ERROR, "WINDOW_UPDATE of 0");
    if (stream.sendWindow + increment > maxWindow) {
      throw new StreamError(ErrorCode.FLOW_CONTROL_ERROR, "a window beyond 2^31-1");
    }
    stream.sendWindow += increment;
    this.#resume(stream);
  }

  /**
   * The peer's INITIAL_WINDOW_SIZE: what it differs by concerns every stream (section 6.9.2). What may go now goes with
   * the next {@link sendWaiting}, behind the ACK.
   */
  setStreamWindow(size: number, streams: Iterable<Stream>): void {
    const difference = size - this.streamWindow;
    this.streamWindow = size;
    if (difference === 0) return;
    for (const stream of streams) {
      if (stream.sendWindow + difference > maxWindow) {
        throw new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, "a stream's window beyond 2^31-1");
      }
      stream.sendWindow += difference;
      if (stream.waiting) this.#waiting.add(stream);
    }
  }

  #resume(stream: Stream): void {
    if (!stream.waiting) return;
    this.#waiting.add(stream);
    this.sendWaiting();
  }
}
