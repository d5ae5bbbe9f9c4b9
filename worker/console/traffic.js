// @ts-check
/** The last minutes' calls, and what can be said of them. */

/** Upper bounds of the buckets, seconds: those of the edge's histogram. */
const bounds = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30];
export const slotSeconds = 2;
export const slotCount = 150;

/** @typedef {import("../observe/tally.ts").TallyRow} Row */
/** @typedef {import("../observe/traffic.ts").TrafficSlot} Slot */
/** @typedef {{ calls: number, errors: number, seconds: number, requestBytes: number, responseBytes: number, buckets: number[] }} Sum */

export class History {
  /** @type {Map<number, Slot>} */
  #slots = new Map();
  /** Of the last slot that is complete, Unix milliseconds. */
  now = 0;

  /** When the last slot at hand began. */
  get since() {
    return [...this.#slots.keys()].at(-1) ?? 0;
  }

  /** @param {import("./types.d.ts").TrafficPage} page */
  add({ now, slots }) {
    for (const slot of slots) this.#slots.set(slot.at, slot);
    this.now = (Math.floor(now / 1000 / slotSeconds) - 1) * slotSeconds * 1000;
    const oldest = this.now - slotCount * slotSeconds * 1000;
    for (const at of this.#slots.keys()) if (at < oldest) this.#slots.delete(at);
  }

  /**
   * Every slot of the window, oldest first; without calls where there were none.
   *
   * @returns {Slot[]}
   */
  slots() {
    const step = slotSeconds * 1000;
    return Array.from({ length: slotCount }, (_, i) => {
      const at = this.now - (slotCount - 1 - i) * step;
      return this.#slots.get(at) ?? { at, open: 0, rows: [] };
    });
  }
}

/** @param {Iterable<Row>} rows @returns {Sum} */
export function sum(rows) {
  const total = {
    calls: 0,
    errors: 0,
    seconds: 0,
    requestBytes: 0,
    responseBytes: 0,
    buckets: /** @type {number[]} */ ([]),
  };
  for (const row of rows) {
    total.calls += row.calls;
    total.errors += row.errors;
    total.seconds += row.seconds;
    total.requestBytes += row.requestBytes;
    total.responseBytes += row.responseBytes;
    row.buckets.forEach((count, i) => (total.buckets[i] = (total.buckets[i] ?? 0) + count));
  }
  return total;
}

/**
 * Seconds within which a share of the calls ended, as far as buckets tell: within one, calls are taken to be spread evenly.
 *
 * @param {readonly number[]} buckets
 * @param {number} share in [0, 1]
 */
export function quantile(buckets, share) {
  const total = buckets.reduce((all, count) => all + count, 0);
  if (total === 0) return Number.NaN;
  let left = share * total;
  for (let i = 0; i < buckets.length; i++) {
    const count = buckets[i] ?? 0;
    if (left <= count && count > 0) {
      const low = i === 0 ? 0 : (bounds[i - 1] ?? 0);
      return low + ((bounds[i] ?? low) - low) * (left / count);
    }
    left -= count;
  }
  return bounds.at(-1) ?? 0;
}
