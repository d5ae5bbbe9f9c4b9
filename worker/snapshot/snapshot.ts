/** The current table of an edge that reads it from an authority elsewhere: kept in memory, revalidated by revision. */
import type { RouteTable } from "../../routes/model.ts";
import { Re2Missing } from "../../routes/regex.ts";
import type { Clock } from "../call/clock.ts";
import { CallError } from "../call/error.ts";
import { Code } from "../call/status.ts";
import { within } from "../call/within.ts";
import { CompiledTable } from "./compiled.ts";
import { loadRe2 } from "./re2-later.ts";

export interface SnapshotOptions {
  /** Asks the authority for the table in binary (edgeway.v1.Table); undefined if `version` is still the current one. */
  readonly read: (version: string) => Promise<Uint8Array | undefined>;
  /** A copy of it, which may be old, for an edge that has no table and whose authority does not answer. */
  readonly readCopy: () => Promise<Uint8Array | undefined>;
  readonly clock: Pick<Clock, "after">;
  readonly log: (line: string) => void;
}

/** Milliseconds for which nobody asks again. */
const freshMs = 1_000;
/** Milliseconds for which calls go by the table at hand while it is being revalidated. After that they wait. */
const staleMs = 10_000;
/** Milliseconds that they wait at most; then the table at hand is better than none. */
const holdMs = 1_000;
/** Milliseconds that calls without a table wait for the authority, and as many again for the copy. */
const coldMs = 2_000;

export class Snapshot {
  readonly #options: SnapshotOptions;
  readonly #compiled = new CompiledTable();
  #checkedAt = -Infinity;
  /** Counts the changes known of: a reading that began before one says nothing of it. */
  #changes = 0;

  constructor(options: SnapshotOptions) {
    this.#options = options;
  }

  /** The table is known to have changed: the next call waits for it. */
  invalidate(): void {
    this.#changes++;
    this.#checkedAt = -Infinity;
  }

  /**
   * The table, at `now` (milliseconds). Rejects only if none was ever read. Every caller that must wait reads for
   * itself: on Workers, a promise of another request's may never settle.
   *
   * @param background keeps a promise going after the caller was answered
   */
  async get(now: number, background: (revalidation: Promise<unknown>) => void): Promise<RouteTable> {
    const { table } = this.#compiled;
    const age = now - this.#checkedAt;
    if (table === undefined || age >= staleMs) return this.newest(now, background);
    if (age >= freshMs) {
      this.#checkedAt = now - freshMs / 2; // those who come meanwhile do not read as well
      background(this.#revalidate(now).catch(() => {})); // the table at hand stays; the next to come tries again
    }
    return table;
  }

  /** Like {@link get}, but as the authority has it now, unless it does not answer in time. */
  async newest(now: number, background: (revalidation: Promise<unknown>) => void): Promise<RouteTable> {
    const reading = this.#revalidate(now);
    background(reading.catch(() => {})); // one that comes late is for those who come after
    try {
      return await within(this.#compiled.table === undefined ? coldMs : holdMs, reading, this.#options.clock);
    } catch (error) {
      const { table } = this.#compiled;
      if (table === undefined) return this.#copied(now, error);
      this.#checkedAt = now;
      return table;
    }
  }

  /** The copy as the table, unless there is one by now. */
  async #copied(now: number, cause: unknown): Promise<RouteTable> {
    const { readCopy, clock, log } = this.#options;
    const copy = await within(coldMs, readCopy(), clock).catch((error: unknown) => {
      log(`the table's copy cannot be read: ${String(error)}`);
      return undefined;
    });
    const { table } = this.#compiled;
    if (table !== undefined) return table;
    if (copy === undefined) {
      log(`there is no table, as its authority cannot be asked: ${String(cause)}`);
      const message = "the edge has no route table yet: whoever has it cannot be asked";
      throw new CallError(Code.UNAVAILABLE, message, { side: "edge", cause });
    }
    log(`the table is a copy, as its authority cannot be asked: ${String(cause)}`);
    await this.#swap(copy);
    this.#checkedAt = now;
    return this.#compiled.orEmpty();
  }

  async #revalidate(now: number): Promise<RouteTable> {
    const changes = this.#changes;
    const bytes = await this.#options.read(this.#compiled.version);
    if (bytes !== undefined) await this.#swap(bytes); // unless a slower reader brings an older table
    if (changes === this.#changes) this.#checkedAt = now;
    return this.#compiled.orEmpty();
  }

  async #swap(bytes: Uint8Array): Promise<void> {
    try {
      this.#compiled.swap(bytes);
    } catch (error) {
      if (!(error instanceof Re2Missing)) throw error;
      await loadRe2();
      this.#compiled.swap(bytes);
    }
  }
}
