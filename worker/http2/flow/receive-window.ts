/** What a peer may send (RFC 9113 section 5.2): given back as it is consumed. */

export class ReceiveWindow {
  /** What the peer may have on its way at most, bytes. */
  #size: number;
  /** What the peer may still send. Never negative. */
  #available: number;
  /** Consumed and not given back yet. */
  #owed = 0;

  constructor(size: number) {
    this.#size = size;
    this.#available = size;
  }

  get size(): number {
    return this.#size;
  }

  /** What the peer may still send. */
  get available(): number {
    return this.#available;
  }

  /** The peer sent `bytes`. Returns whether it was allowed to. */
  take(bytes: number): boolean {
    if (bytes > this.#available) return false;
    this.#available -= bytes;
    return true;
  }

  /** `bytes` were consumed. Returns the increment to send, 0 while it is too small to be worth a frame. */
  give(bytes: number): number {
    this.#owed += bytes;
    if (this.#owed * 2 < this.#size) return 0;
    const increment = this.#owed;
    this.#owed = 0;
    this.#available += increment;
    return increment;
  }

  /** Raises the size. Returns by how much, which the peer is to be told. */
  grow(size: number): number {
    const difference = size - this.#size;
    if (difference <= 0) return 0;
    this.#size = size;
    this.#available += difference;
    return difference;
  }
}
