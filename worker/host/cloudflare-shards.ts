/**
 * How many Durable Objects carry a backend's calls. One does about a thousand calls a second (Cloudflare's soft limit), so
 * each isolate of the Worker counts its own calls to a backend, and spreads them over as many objects as that takes. Many
 * isolates with few calls each share the first object: they know nothing of each other.
 */

/** Calls per second that one object carries. */
const callsPerSecond = 1_000;

/** Calls of one isolate to each backend. */
export class Shards {
  readonly #rates = new Map<string, Rate>();

  /** The object for one more call to `backend` at `now`, milliseconds, by chance among those that there should be. */
  pick(backend: string, now: number, random: () => number): number {
    let rate = this.#rates.get(backend);
    if (rate === undefined) this.#rates.set(backend, (rate = new Rate()));
    const shards = Math.ceil(rate.count(now) / callsPerSecond);
    return shards <= 1 ? 0 : Math.floor(random() * shards);
  }
}

/** Calls in the last whole second, or in the one that runs if they are more. */
class Rate {
  #second = 0;
  #calls = 0;
  #before = 0;

  count(now: number): number {
    const second = Math.floor(now / 1000);
    if (second !== this.#second) {
      this.#before = second === this.#second + 1 ? this.#calls : 0;
      this.#second = second;
      this.#calls = 0;
    }
    return Math.max(++this.#calls, this.#before);
  }
}
