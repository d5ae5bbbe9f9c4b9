/**
 * How many Durable Objects carry a backend's calls. One does about a thousand calls a second (Cloudflare's soft limit), so
 * each isolate of the Worker counts its own calls to a backend, and spreads them over as many objects as that takes. What
 * many isolates send together only the object sees: one that gets too many says so, and those who hear it spread further.
 */

/** Calls per second that one object carries. */
export const callsPerSecond = 1_000;

/** Objects of one backend at most: each costs a connection to every endpoint. */
const maxShards = 64;
/** Milliseconds until an object is heard again: what it says then is what came of it. */
const settleMs = 2_000;
/** Milliseconds without a word from an object after which its calls are spread over one less. */
const relaxMs = 10_000;

/** Calls of one isolate to each backend. */
export class Shards {
  readonly #spreads = new Map<string, Spread>();

  /** The object for one more call to `backend` at `now`, milliseconds, by chance among those that there should be. */
  pick(backend: string, now: number, random: () => number): number {
    const spread = this.#of(backend);
    const shards = Math.max(Math.ceil(spread.rate.count(now) / callsPerSecond), spread.wanted(now));
    return shards <= 1 ? 0 : Math.floor(random() * Math.min(shards, maxShards));
  }

  /** One of the backend's objects has `calls` a second, which are more than it carries. */
  tooMany(backend: string, calls: number, now: number): void {
    this.#of(backend).widen(calls, now);
  }

  #of(backend: string): Spread {
    let spread = this.#spreads.get(backend);
    if (spread === undefined) this.#spreads.set(backend, (spread = new Spread()));
    return spread;
  }
}

class Spread {
  readonly rate = new Rate();
  #shards = 1;
  #changed = -Infinity;

  /** Objects that others' calls make necessary. */
  wanted(now: number): number {
    if (this.#shards > 1 && now - this.#changed >= relaxMs) {
      this.#shards--;
      this.#changed = now;
    }
    return this.#shards;
  }

  /** The other isolates spread theirs likewise: so all objects have about as many. */
  widen(calls: number, now: number): void {
    if (now - this.#changed < settleMs) return;
    this.#shards = Math.min(maxShards, Math.ceil((this.#shards * calls) / callsPerSecond));
    this.#changed = now;
  }
}

/** Calls in the last whole second, or in the one that runs if they are more. */
export class Rate {
  #second = 0;
  #calls = 0;
  #before = 0;

  /** Counts one more at `now`, milliseconds. */
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
