/** The sending half of a connection without I/O: what streams, and the half that receives, have to say to the peer. */
import { CallError, type Side } from "../call/error.ts";
import type { Fields } from "../call/fields.ts";
import type { Clock } from "../call/clock.ts";
import { Code } from "../call/status.ts";
import { Abuse } from "./abuse.ts";
import { type ConnectionError, ErrorCode, errorCodeName } from "./error.ts";
import { ReceiveFlow } from "./flow/receive-flow.ts";
import { SendFlow } from "./flow/send-flow.ts";
import { defaultWindow, Flag, FrameType } from "./frame/frame.ts";
import { encodeGoAway } from "./frame/goaway.ts";
import { encodeHeaders } from "./frame/headers.ts";
import { encodePing } from "./frame/ping.ts";
import { encodeRstStream } from "./frame/rst-stream.ts";
import { encodeSettings } from "./frame/settings.ts";
import { encodeWindowUpdate } from "./frame/window-update.ts";
import { Life, type Lifetime, type Living } from "./life.ts";
import type { Http2Counters, Http2Limits } from "./limits.ts";
import { MessageWriter } from "./message/write.ts";
import { Output } from "./output.ts";
import type { StreamOwner } from "./stream/owner.ts";
import { Streams } from "./stream/streams.ts";
import type { Stream } from "./stream/stream.ts";

/** What a connection does to the world. */
export interface Effects {
  /** Sends bytes, which are the world's from here on. Returns whether more may follow now; if not, `drained` follows. */
  write(bytes: Uint8Array): boolean;
  /** Whether nothing that was written is still needed in memory. */
  readonly writesDone: boolean;
  /** Bytes that have left; undefined: the transport cannot tell. */
  readonly moved: number | undefined;
  /** There is output: `flush` is wanted soon, once. */
  schedule(): void;
  /** The connection is over: what was written goes out, then the transport is closed. `error` if it broke. */
  closed(error: CallError | undefined): void;
}

/** What every connection is made with. */
export interface Setup {
  readonly effects: Effects;
  readonly limits: Http2Limits;
  readonly counters: Http2Counters;
  readonly clock: Clock;
  readonly lifetime: Lifetime;
}

/** Streams that we reset whose frames may still be under way: they are passed over (RFC 9113 section 5.1). */
const maxRecentResets = 4096;

export abstract class Endpoint<S extends Stream = Stream> implements StreamOwner, Living {
  abstract readonly peer: Side;
  closed = false;
  readonly limits: Http2Limits;
  protected readonly streams = new Streams<S>();
  protected readonly output: Output;
  protected readonly sending: SendFlow;
  protected readonly receiving: ReceiveFlow;
  protected readonly writing = new MessageWriter();
  protected readonly abuse: Abuse;
  protected readonly life: Life;
  /** What waits for the ACK of a PING, by its payload. */
  protected readonly pings = new Map<number, () => void>();
  protected readonly resets = new Set<number>();
  readonly #effects: Effects;
  readonly #clock: Clock;
  #scheduled = false;
  #blockedBytes = 0;
  #pingCount = 0;

  constructor({ effects, limits, counters, clock, lifetime }: Setup) {
    this.limits = limits;
    this.#effects = effects;
    this.#clock = clock;
    this.abuse = new Abuse(limits, counters, clock);
    this.output = new Output({
      write: (bytes) => this.#write(bytes),
      schedule: () => this.#schedule(),
    });
    this.sending = new SendFlow(this.output);
    this.receiving = new ReceiveFlow(limits, {
      measure: (done) => this.ping(done),
      grow: (increment) => this.#growWindow(increment),
    });
    this.life = new Life(this, lifetime, limits, clock);
  }

  // ---- Output.

  /** Sends what is pending. */
  flush(): void {
    this.#scheduled = false;
    this.output.flush();
  }

  /** The transport takes writes again. */
  drained(): void {
    this.#blockedBytes = 0;
    if (!this.sending.blocked) return;
    this.sending.blocked = false;
    this.life.unblocked();
    this.sending.sendWaiting();
  }

  /** Returns whether the bytes' memory may be used again. */
  #write(bytes: Uint8Array): boolean {
    if (this.sending.blocked && !this.closed) {
      this.#blockedBytes += bytes.length;
      if (this.#blockedBytes > this.limits.maxBlockedBytes) this.breakDown(this.abuse.exceeded("maxBlockedBytes"));
    }
    if (!this.#effects.write(bytes) && !this.sending.blocked) {
      this.sending.blocked = true;
      this.life.blocked();
    }
    return this.#effects.writesDone;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#effects.schedule();
  }

  get moved(): number | undefined {
    return this.#effects.moved;
  }

  // ---- Beginning and end.

  protected begin(settings: readonly (readonly [id: number, value: number])[]): void {
    encodeSettings(this.output, settings);
    const increment = this.receiving.connection.size - defaultWindow;
    if (increment > 0) encodeWindowUpdate(this.output, 0, increment);
    this.life.begin();
  }

  protected sendGoAway(lastStreamId: number, code: ErrorCode, debug: string): void {
    encodeGoAway(this.output, lastStreamId, code, debug);
  }

  /** Ends the connection for an error of the peer's, or ours. */
  breakDown(error: ConnectionError): void {
    if (this.closed) return;
    this.sendGoAway(this.lastPeerStream, error.code, error.message);
    const why = `the connection broke with ${errorCodeName(error.code)}: ${error.message}`;
    this.finish(new CallError(Code.UNAVAILABLE, why, { side: this.peer, cause: error }));
  }

  /** Ends the connection because we want to. */
  close(): void {
    if (this.closed) return;
    this.sendGoAway(this.lastPeerStream, ErrorCode.NO_ERROR, "");
    this.finish(undefined);
  }

  /** Ends the connection and whatever is left on it. */
  finish(error: CallError | undefined): void {
    if (this.closed) return;
    this.closed = true;
    this.life.end();
    this.flush();
    const lost = error ?? new CallError(Code.UNAVAILABLE, "the connection was closed", { side: "edge" });
    for (const stream of this.streams.values()) stream.breakOff(lost);
    this.onFinished(lost);
    this.#effects.closed(error);
  }

  abandon(why: string): void {
    this.finish(new CallError(Code.UNAVAILABLE, why, { side: this.peer }));
  }

  stall(limit: "readStallMs" | "writeStallMs"): void {
    this.breakDown(this.abuse.exceeded(limit));
  }

  // ---- Streams (stream/owner.ts).

  get activeStreams(): number {
    return this.streams.size;
  }

  get streamSendWindow(): number {
    return this.sending.streamWindow;
  }

  get grownReceiveWindow(): number {
    return this.receiving.streamWindow;
  }

  get maxFrameSize(): number {
    return this.sending.maxFrameSize;
  }

  sendData(stream: Stream, bytes: Uint8Array): number {
    return this.sending.send(stream, bytes);
  }

  sendEnd(stream: Stream, trailers: Fields): void {
    if (trailers.size > 0) {
      this.writing.trailers(trailers);
      this.sendBlock(stream.id, true);
    } else if (!this.output.endStream(stream.id, this.peer === "caller")) {
      // A request that is to have a body has one, if an empty one: gRPC asks for it (doc/PROTOCOL-HTTP2.md, Requests), and
      // grpc-go never answers a request that its header block ends.
      this.output.begin(0, FrameType.DATA, Flag.END_STREAM, stream.id);
    }
  }

  /** Sends the field block that was written last. */
  protected sendBlock(streamId: number, endStream: boolean): void {
    const { block, length } = this.writing;
    this.sending.frames++;
    encodeHeaders(this.output, streamId, block, length, endStream, this.sending.maxFrameSize);
  }

  sendReset(streamId: number, code: ErrorCode): void {
    encodeRstStream(this.output, streamId, code);
    this.resets.add(streamId);
    if (this.resets.size <= maxRecentResets) return;
    for (const oldest of this.resets) {
      this.resets.delete(oldest);
      return;
    }
  }

  sendWindowUpdate(streamId: number, increment: number): void {
    encodeWindowUpdate(this.output, streamId, increment);
  }

  giveConnectionWindow(bytes: number): void {
    const increment = this.receiving.connection.give(bytes);
    if (increment > 0 && !this.closed) encodeWindowUpdate(this.output, 0, increment);
  }

  wait(stream: Stream): void {
    this.sending.wait(stream);
    this.life.waiting();
  }

  now(): number {
    return this.#clock.now();
  }

  stallStreams(time: number): boolean {
    let waiting = false;
    for (const stream of this.streams.values()) {
      if (!stream.waiting) continue;
      if (stream.waitingSince <= time) stream.abort(this.exceeded("sendStallMs", "the peer's window stays closed"));
      else waiting = true;
    }
    return waiting;
  }

  leave(stream: Stream): void {
    if (!this.streams.delete(stream.id)) return;
    this.sending.leave(stream);
    if (this.streams.size === 0) this.life.idle();
    if (!this.closed) this.onStreamLeft();
  }

  exceeded(limit: keyof Http2Limits, why: string): CallError {
    return this.abuse.exceededByCall(limit, why, this.peer);
  }

  // ---- PING and windows.

  /** Calls `acked` when the peer answers. */
  ping(acked: () => void): void {
    const payload = ++this.#pingCount;
    this.pings.set(payload, acked);
    encodePing(this.output, payload);
  }

  #growWindow(increment: number): void {
    if (increment > 0) encodeWindowUpdate(this.output, 0, increment);
  }

  // ---- What the receiving half and the roles add.

  abstract readonly unfinished: boolean;
  abstract readonly units: number;
  /** No new requests: those begun are finished, then the connection is. */
  abstract drain(): void;
  /** The last stream of the peer's that was taken up: for GOAWAY. */
  protected abstract get lastPeerStream(): number;
  protected abstract onStreamLeft(): void;
  /** Streams are gone; what waits for one may go, too. */
  protected abstract onFinished(error: CallError): void;
}
