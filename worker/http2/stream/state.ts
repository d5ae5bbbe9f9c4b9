/**
 * A stream's life (RFC 9113 section 5.1). Without server push only this much of the diagram is left; idle streams and
 * closed ones have no object.
 *
 *                         +--------+
 *                         |  idle  |
 *                         +--------+
 *                              | send or receive HEADERS
 *                              v
 *                         +--------+
 *         receive ES      |        |      send ES
 *          ,--------------|  open  |--------------.
 *         v               |        |               v
 *    +----------+         +--------+         +----------+
 *    |   half   |              |             |   half   |
 *    |  closed  |              | send or     |  closed  |
 *    | (remote) |              | receive     | (local)  |
 *    +----------+              | RST_STREAM  +----------+
 *         | send ES            v                   | receive ES
 *         | or RST_STREAM +--------+ or RST_STREAM |
 *         `-------------->| closed |<--------------'
 *                         +--------+
 */
export type StreamState = "open" | "half-closed (local)" | "half-closed (remote)" | "closed";

/** We sent END_STREAM. */
export function afterSentEnd(state: StreamState): StreamState {
  return state === "open" ? "half-closed (local)" : "closed";
}

/** The peer sent END_STREAM. */
export function afterReceivedEnd(state: StreamState): StreamState {
  return state === "open" ? "half-closed (remote)" : "closed";
}

export function maySend(state: StreamState): boolean {
  return state === "open" || state === "half-closed (remote)";
}

export function mayReceive(state: StreamState): boolean {
  return state === "open" || state === "half-closed (local)";
}
