/** A connection's bytes, whatever runtime they come from. Both directions are independent. */
export interface ByteStream {
  /** Starts delivery; called once. */
  open(events: ByteStreamEvents): void;
  /**
   * Queues `bytes`, which belong to the stream from here on. Returns whether more may be written now; if not, `drain`
   * follows.
   */
  write(bytes: Uint8Array): boolean;
  /**
   * Whether the stream is done with all the bytes it was given: if it says so, it only reads them, and their memory may be
   * used again.
   */
  readonly idle?: boolean;
  /**
   * Bytes that have left so far, of those it was given: whether a stream that is backed up moves at all. Node's sockets
   * cannot tell within a write.
   */
  readonly moved?: number;
  /** Stops and restarts delivery of `data`. */
  pause(): void;
  resume(): void;
  /** Sends what is queued, then closes the sending direction. */
  end(): void;
  /** Closes both directions at once. Idempotent. */
  destroy(): void;
}

export interface ByteStreamEvents {
  /** `bytes` is borrowed: it is valid until this call returns. */
  data(bytes: Uint8Array): void;
  /** The stream takes writes again. */
  drain(): void;
  /** The peer closed its sending direction, or the whole connection is gone; `error` says why if it broke. Last call. */
  close(error?: Error): void;
}
