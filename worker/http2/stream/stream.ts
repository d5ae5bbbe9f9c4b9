/**
 * One exchange on a connection: the body that the peer sends ({@link Body}) and the sink for the body that goes to it
 * ({@link BodySink}) in one object. The roles add how heads are met: client/exchange.ts and server/exchange.ts.
 */
import { CallError } from "../../call/error.ts";
import { Fields } from "../../call/fields.ts";
import type { Body, BodySink } from "../../call/http.ts";
import { Code } from "../../call/status.ts";
import { ErrorCode, resetByPeer, resetOfError, StreamError } from "../error.ts";
import { ByteQueue } from "../flow/byte-queue.ts";
import { ReceiveWindow } from "../flow/receive-window.ts";
import type { StreamOwner } from "./owner.ts";
import { afterReceivedEnd, afterSentEnd, mayReceive, maySend, type StreamState } from "./state.ts";

export abstract class Stream implements Body, BodySink {
  readonly id: number;
  state: StreamState;
  protected readonly owner: StreamOwner;

  // Receiving.
  readonly #receiveWindow: ReceiveWindow;
  #sink: BodySink | undefined;
  /** What came before there was a sink: bytes, then an end or a failure. */
  #kept: ByteQueue | undefined;
  #keptEnd: Fields | undefined;
  #keptFailure: CallError | undefined;
  /** Bytes that came and are not consumed. */
  #unconsumed = 0;
  /** What content-length says is still to come; -1 if it says nothing. */
  #expected = -1;
  /** The taker wants no more. */
  #cancelled = false;

  // Sending.
  /** What the peer lets this stream send. Negative after it shrank INITIAL_WINDOW_SIZE. */
  sendWindow: number;
  #source: Body | undefined;
  #queue: ByteQueue | undefined;
  #queuedEnd: Fields | undefined;
  /** When bytes began to wait, or some that waited left last; the owner's time. */
  waitingSince = 0;

  constructor(owner: StreamOwner, id: number, state: StreamState) {
    this.owner = owner;
    this.id = id;
    this.state = state;
    this.#receiveWindow = new ReceiveWindow(owner.limits.initialStreamWindow);
    this.sendWindow = owner.streamSendWindow;
  }

  // ---- The body from the peer, as its taker sees it.

  pipe(sink: BodySink): void {
    if (this.#cancelled) return;
    this.#sink = sink;
    const kept = this.#kept;
    if (kept !== undefined) {
      this.#kept = undefined;
      // The sink may cancel, or break the exchange off, with every piece.
      for (let piece = kept.peek(Infinity); piece !== undefined && this.#sink === sink; piece = kept.peek(Infinity)) {
        sink.write(piece);
        kept.drop(piece.length);
      }
    }
    if (this.#sink !== sink) return;
    if (this.#keptEnd !== undefined) sink.end(this.#keptEnd);
    else if (this.#keptFailure !== undefined) sink.fail(this.#keptFailure);
  }

  consumed(bytes: number): void {
    const count = Math.min(bytes, this.#unconsumed);
    if (count <= 0) return;
    this.#unconsumed -= count;
    this.owner.giveConnectionWindow(count);
    if (!mayReceive(this.state) || this.#cancelled) return;
    const increment = this.#receiveWindow.give(count);
    if (increment === 0) return;
    // Only who takes what comes gets a larger window: one that nobody reads costs no more than it did at first.
    const more = this.#receiveWindow.grow(this.owner.grownReceiveWindow);
    this.owner.sendWindowUpdate(this.id, increment + more);
  }

  cancel(error: CallError): void {
    if (this.#cancelled) return;
    this.#cancelled = true;
    this.#dropReceived();
    if (mayReceive(this.state)) this.onTakerGone(error);
  }

  /** Lets go of the sink and of what was kept for one; what the peer sent counts as consumed. */
  #dropReceived(): void {
    this.#sink = undefined;
    this.#kept = undefined;
    const left = this.#unconsumed;
    this.#unconsumed = 0;
    if (left > 0) this.owner.giveConnectionWindow(left);
  }

  // ---- The body from the peer, as it comes in.

  /** `charge` and `padding` as the codec gives them. The connection's window is charged already. */
  receiveData(piece: Uint8Array, charge: number, padding: number, end: boolean): void {
    const { length } = piece;
    if (!this.#receiveWindow.take(charge)) {
      this.owner.giveConnectionWindow(length + padding);
      throw new StreamError(ErrorCode.FLOW_CONTROL_ERROR, "DATA beyond the stream's window");
    }
    if (this.#cancelled) {
      this.owner.giveConnectionWindow(length + padding);
    } else {
      this.#unconsumed += length + padding;
      if (padding > 0) this.consumed(padding);
    }
    if (this.#expected >= 0) this.#count(length);
    if (length > 0 && !this.#cancelled) this.#deliver(piece);
    if (end) this.receiveEnd(Fields.empty);
  }

  #count(length: number): void {
    this.#expected -= length;
    if (this.#expected < 0) throw new StreamError(ErrorCode.PROTOCOL_ERROR, "more DATA than content-length says");
  }

  #deliver(piece: Uint8Array): void {
    if (this.#sink === undefined || this.#kept !== undefined) return (this.#kept ??= new ByteQueue()).push(piece);
    try {
      this.#sink.write(piece);
    } catch (error) {
      this.abortFor(error);
    }
  }

  receiveEnd(trailers: Fields): void {
    if (this.#expected > 0) throw new StreamError(ErrorCode.PROTOCOL_ERROR, "less DATA than content-length says");
    this.state = afterReceivedEnd(this.state);
    if (this.#sink !== undefined && this.#kept === undefined) this.#deliverEnd(this.#sink, trailers);
    else if (!this.#cancelled) this.#keptEnd = trailers;
    this.onReceivedEnd();
    this.#leaveIfClosed();
  }

  #deliverEnd(sink: BodySink, trailers: Fields): void {
    try {
      sink.end(trailers);
    } catch (error) {
      this.abortFor(error);
    }
  }

  expectLength(contentLength: number): void {
    this.#expected = contentLength;
  }

  /** The peer sent RST_STREAM. */
  receiveReset(code: ErrorCode): void {
    this.breakOff(resetByPeer(code, this.owner.peer));
  }

  // ---- The body to the peer.

  /** Starts sending `source`; from now on this stream is its sink. */
  protected send(source: Body): void {
    this.#source = source;
    try {
      source.pipe(this);
    } catch (error) {
      this.abortFor(error);
    }
  }

  write(bytes: Uint8Array): void {
    if (!maySend(this.state) || this.#queuedEnd !== undefined) return;
    const sent = this.#queue === undefined ? this.owner.sendData(this, bytes) : 0;
    if (sent < bytes.length) {
      if (this.#queue === undefined) this.waitingSince = this.owner.now();
      const queue = (this.#queue ??= new ByteQueue());
      queue.push(bytes, sent);
      if (queue.bytes > this.owner.limits.maxSendQueueBytes) {
        const why = "more bytes wait for the peer's window than a source with credit can have sent";
        this.abort(this.owner.exceeded("maxSendQueueBytes", why));
        return;
      }
      this.owner.wait(this);
    }
    if (sent > 0) this.#source?.consumed(sent);
  }

  end(trailers: Fields): void {
    if (!maySend(this.state) || this.#queuedEnd !== undefined) return;
    if (this.#queue === undefined) this.#sendEnd(trailers);
    else this.#queuedEnd = trailers;
  }

  /** The body to the peer broke off, and the exchange with it. */
  fail(error: CallError): void {
    if (!maySend(this.state)) return;
    this.#source = undefined;
    this.abort(error);
  }

  /** Whether bytes wait for a window or for the transport. */
  get waiting(): boolean {
    return this.#queue !== undefined;
  }

  /** Sends a frame's worth of what waits. Returns whether more could follow at once. */
  sendWaiting(): boolean {
    const queue = this.#queue;
    const piece = queue?.peek(this.owner.maxFrameSize);
    if (queue === undefined || piece === undefined) return false;
    const sent = this.owner.sendData(this, piece);
    if (sent === 0) return false;
    queue.drop(sent);
    this.waitingSince = this.owner.now();
    if (queue.bytes === 0) this.#queue = undefined;
    this.#credit(sent);
    if (this.#queue === undefined && this.#queuedEnd !== undefined) this.#sendEnd(this.#queuedEnd);
    return this.#queue !== undefined;
  }

  #credit(bytes: number): void {
    try {
      this.#source?.consumed(bytes);
    } catch (error) {
      this.abortFor(error);
    }
  }

  #sendEnd(trailers: Fields): void {
    try {
      this.owner.sendEnd(this, trailers);
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      this.abort(error);
      return;
    }
    this.sentEnd();
  }

  /** END_STREAM went out. */
  protected sentEnd(): void {
    this.#source = undefined;
    this.state = afterSentEnd(this.state);
    this.onSentEnd();
    this.#leaveIfClosed();
  }

  // ---- Breaking off.

  /** Ends the stream with RST_STREAM, and tells everybody but the peer why. */
  abort(error: CallError, code: ErrorCode = this.resetCode(error)): void {
    if (this.state === "closed") return;
    this.owner.sendReset(this.id, code);
    this.breakOff(error);
  }

  /** Ends the stream without a word to the peer, who knows, or is gone. What had fully arrived stays good. */
  breakOff(error: CallError): void {
    if (this.state === "closed") return;
    const whole = !mayReceive(this.state);
    this.state = "closed";
    this.owner.leave(this);
    try {
      this.stopSending(error);
      this.onBrokenOff(error);
      if (!whole && !this.#cancelled) this.#failTaker(error);
    } catch {
      // Whoever fails at being told that it failed has nobody left to tell; its neighbours are told all the same.
    }
  }

  #failTaker(error: CallError): void {
    const sink = this.#sink;
    this.#dropReceived();
    if (sink === undefined) this.#keptFailure = error;
    else sink.fail(error);
  }

  /** Ends the stream for a defect of what hangs on it, which must not reach its neighbours on the connection. */
  abortFor(cause: unknown): void {
    this.abort(new CallError(Code.INTERNAL, "the edge failed", { side: "edge", cause }));
  }

  /** The peer needs no more of the body that goes to it. */
  protected stopSending(error: CallError): void {
    const source = this.#source;
    this.#source = undefined;
    this.#queue = undefined;
    this.#queuedEnd = undefined;
    source?.cancel(error);
  }

  /** Nobody wants this exchange any more: neither its taker nor its role is told. */
  protected forget(error: CallError, code: ErrorCode): void {
    this.#cancelled = true;
    this.#dropReceived();
    this.abort(error, code);
  }

  #leaveIfClosed(): void {
    if (this.state === "closed") this.owner.leave(this);
  }

  // ---- What the roles add.

  /** What the peer is told of an error. */
  protected resetCode(error: CallError): ErrorCode {
    return resetOfError(error);
  }

  /** A field block that is not the stream's first. */
  abstract receiveHeaders(bytes: Uint8Array, start: number, end: number, endStream: boolean): void;
  /** The taker of the peer's body wants no more of it, and the peer has not ended it. */
  protected abstract onTakerGone(error: CallError): void;
  protected abstract onReceivedEnd(): void;
  protected abstract onSentEnd(): void;
  /** The exchange was ended by one side before its time; the sink of the peer's body hears of it after this. */
  protected abstract onBrokenOff(error: CallError): void;
}

/** For the side whose answer ended while its request was still being sent. */
export function answeredEarly(): CallError {
  return new CallError(Code.CANCELLED, "the answer ended before the request did", { side: "origin" });
}
