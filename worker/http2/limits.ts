/**
 * What a connection lets its peer, and itself, use. Each limit names the attack or waste it stops; attacks are listed by
 * their CVE where they have one. A limit that is passed is counted in {@link Http2Counters} under its own name.
 */
export interface Http2Limits {
  /** Streams a peer may have open at once (RFC 9113 section 5.1.2). */
  readonly maxConcurrentStreams: number;
  /** Requests that wait at the peer's own MAX_CONCURRENT_STREAMS before more are refused. */
  readonly maxQueuedRequests: number;
  /** Decoded header list, bytes as RFC 9113 section 6.5.2 counts them: HPACK bomb (CVE-2016-6581). */
  readonly maxHeaderListBytes: number;
  /** Fields of a header list: empty fields and cookie crumbs cost more memory than bytes (CVE-2026-49975). */
  readonly maxHeaderFields: number;
  /** CONTINUATION frames after one HEADERS: CONTINUATION flood (CVE-2024-27983, CVE-2024-28182). */
  readonly maxContinuations: number;
  /** Interim (1xx) answers before the final one. */
  readonly maxInterimResponses: number;
  /** Window for one stream's body, bytes, before any growth. */
  readonly initialStreamWindow: number;
  /** Window for all streams' bodies together, bytes, before any growth. */
  readonly initialConnectionWindow: number;
  /** What a measured bandwidth-delay product may grow a stream's window to: what a slow reader may cost. */
  readonly maxStreamWindow: number;
  /** The same for the connection. */
  readonly maxConnectionWindow: number;
  /** Body bytes of one stream that wait for the peer's window; a source that keeps to its credit never meets it. */
  readonly maxSendQueueBytes: number;
  /** Bytes written while the transport is backed up: a peer that makes us answer and never reads (CVE-2019-9517). */
  readonly maxBlockedBytes: number;
  /** How long a stream's bytes may wait for a window that does not open, milliseconds (CVE-2019-9517, CVE-2026-49975). */
  readonly sendStallMs: number;
  /** How long the transport may be backed up without moving, milliseconds. */
  readonly writeStallMs: number;
  /** How long one frame or header block may take to arrive in full, milliseconds: trickled bytes. */
  readonly readStallMs: number;
  /** Streams the peer may cancel in a burst: rapid reset (CVE-2023-44487). */
  readonly resetBurst: number;
  /** Stream errors a client may provoke in a burst: MadeYouReset (CVE-2025-8671). */
  readonly provokedResetBurst: number;
  /** PING frames in a burst (CVE-2019-9512). */
  readonly pingBurst: number;
  /** SETTINGS frames in a burst (CVE-2019-9515). */
  readonly settingsBurst: number;
  /** PRIORITY and unknown frames, RST_STREAM and HEADERS for streams that were closed, in a burst (CVE-2019-9513). */
  readonly idleFrameBurst: number;
  /** DATA frames that bring nothing and end nothing, in a burst (CVE-2019-9518). */
  readonly emptyDataBurst: number;
  /** DATA frames of less than five bytes that end nothing, in a burst: a frame's cost for a byte's worth. */
  readonly smallDataBurst: number;
  /** WINDOW_UPDATE frames in a burst: each may cost a DATA frame of one byte (CVE-2019-9511). */
  readonly windowUpdateBurst: number;
}

/** Budgets ("burst") are refilled at a tenth of their size per second, and by useful work: abuse.ts. */
export const defaultLimits: Http2Limits = {
  maxConcurrentStreams: 256,
  maxQueuedRequests: 1000,
  maxHeaderListBytes: 65_536,
  maxHeaderFields: 256,
  maxContinuations: 16,
  maxInterimResponses: 32,
  initialStreamWindow: 262_144,
  initialConnectionWindow: 1_048_576,
  maxStreamWindow: 4_194_304,
  maxConnectionWindow: 16_777_216,
  maxSendQueueBytes: 33_554_432,
  maxBlockedBytes: 1_048_576,
  sendStallMs: 300_000,
  writeStallMs: 60_000,
  readStallMs: 30_000,
  resetBurst: 1000,
  provokedResetBurst: 200,
  pingBurst: 200,
  settingsBurst: 100,
  idleFrameBurst: 2000,
  emptyDataBurst: 200,
  smallDataBurst: 2000,
  windowUpdateBurst: 5000,
};

/** How often each limit was passed: one object may serve every connection of a host. */
export type Http2Counters = Record<keyof Http2Limits, number>;

export function newCounters(): Http2Counters {
  const counters: Http2Counters = { ...defaultLimits };
  for (const name in counters) if (isLimit(name)) counters[name] = 0;
  return counters;
}

function isLimit(name: string): name is keyof Http2Limits {
  return name in defaultLimits;
}
