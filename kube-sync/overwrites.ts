/** A change of leaders may overwrite a table once; what does it twice within this time is no replica. */
const WINDOW_MS = 300_000;

/** When to say that another agent writes the same cluster's table: not at the first time, and not at each. */
export class Overwrites {
  #last = -Infinity;
  #said = -Infinity;

  /** It happened, at `now` in milliseconds. Whether to say so. */
  happened(now: number): boolean {
    const again = now - this.#last < WINDOW_MS;
    this.#last = now;
    if (!again || now - this.#said < WINDOW_MS) return false;
    this.#said = now;
    return true;
  }
}
