/** Time, injected so that tests own it. */
export interface Clock {
  /** Monotonic milliseconds. */
  now(): number;
  /** Calls `run` after `ms` milliseconds, unless the returned function is called before. */
  after(ms: number, run: () => void): () => void;
}
