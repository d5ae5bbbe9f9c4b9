/**
 * What the peer may send on the whole connection, and how much that should be.
 *
 * A window must hold what is on its way during one round trip, the bandwidth-delay product, or the peer waits for us. It
 * is measured: a PING goes out while a body comes in, and what has arrived when its ACK does is what one round trip
 * brings. If that is much of the window, the window was the bottleneck, and grows.
 */
import type { Http2Limits } from "../limits.ts";
import { defaultWindow } from "../frame/frame.ts";
import { ReceiveWindow } from "./receive-window.ts";

/**
 * A round trip that brings more than this part of a stream's window was held up by it. It can be as little as half: what
 * is given back goes out with the PING, so that the bytes it lets go come behind the answer.
 */
const heldUp = 0.4;
/** What a window that held its peer up is multiplied with. */
const growth = 2;

/** After a measurement that changed nothing the next one is this many times the bytes away, up to the limit. */
const patience = 4;
const maxBytesBetween = 268_435_456;

export interface ReceiveFlowEvents {
  /** Sends a PING whose answer ends a measurement. */
  measure(done: () => void): void;
  /** The connection may have `increment` more under way. */
  grow(increment: number): void;
}

export class ReceiveFlow {
  /** What a stream may have under way whose body is taken as it comes; all begin with the limits' initial window. */
  streamWindow: number;
  readonly connection: ReceiveWindow;
  readonly #limits: Http2Limits;
  readonly #events: ReceiveFlowEvents;
  #measuring = false;
  /** Bytes from one measurement to the next. Bodies that do not even fill half a window are not worth a PING. */
  #interval: number;
  /** Bytes that came since the last measurement ended, or this one began. */
  #bytes = 0;

  constructor(limits: Http2Limits, events: ReceiveFlowEvents) {
    this.#limits = limits;
    this.#events = events;
    this.streamWindow = limits.initialStreamWindow;
    this.#interval = this.streamWindow / 2;
    this.connection = new ReceiveWindow(Math.max(defaultWindow, limits.initialConnectionWindow));
  }

  /** The peer sent `bytes` of a body. Returns whether it was allowed to. */
  take(bytes: number): boolean {
    if (!this.connection.take(bytes)) return false;
    this.#bytes += bytes;
    if (!this.#measuring && this.#bytes >= this.#interval && this.#mayGrow()) this.#measure();
    return true;
  }

  #mayGrow(): boolean {
    return this.streamWindow < this.#limits.maxStreamWindow;
  }

  #measure(): void {
    this.#measuring = true;
    this.#bytes = 0;
    this.#events.measure(() => this.#measured());
  }

  #measured(): void {
    const product = this.#bytes;
    this.#measuring = false;
    this.#bytes = 0;
    if (product < this.streamWindow * heldUp) {
      this.#interval = Math.min(maxBytesBetween, this.#interval * patience);
      return;
    }
    const { maxStreamWindow, maxConnectionWindow } = this.#limits;
    this.streamWindow = Math.min(maxStreamWindow, Math.max(this.streamWindow, product) * growth);
    this.#interval = this.streamWindow / 2;
    // The connection keeps the same lead over a stream that it began with.
    const lead = this.#limits.initialConnectionWindow / this.#limits.initialStreamWindow;
    const wanted = Math.min(maxConnectionWindow, Math.round(this.streamWindow * lead));
    this.#events.grow(this.connection.grow(wanted));
  }
}
