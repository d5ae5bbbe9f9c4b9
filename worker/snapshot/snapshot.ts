/** The current table of an edge that reads it from an authority elsewhere: kept in memory, revalidated by revision. */
import type { RouteTable } from "../../routes/model.ts";
import { Re2Missing } from "../../routes/regex.ts";
import { CompiledTable } from "./compiled.ts";
import { loadRe2 } from "./re2-later.ts";

/** Reads the table in binary (edgeway.v1.Table); undefined if `version` is still the current one. */
export type ReadTable = (version: string) => Promise<Uint8Array | undefined>;

/** Milliseconds for which nobody asks again. */
const freshMs = 1_000;
/** Milliseconds for which calls go by the table at hand while it is being revalidated. After that they wait. */
const staleMs = 10_000;

export class Snapshot {
  readonly #read: ReadTable;
  readonly #compiled = new CompiledTable();
  #checkedAt = -Infinity;
  /** Counts the changes known of: a reading that began before one says nothing of it. */
  #changes = 0;

  constructor(read: ReadTable) {
    this.#read = read;
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
    if (table !== undefined && age < freshMs) return table;
    if (table !== undefined && age < staleMs) {
      this.#checkedAt = now - freshMs / 2; // those who come meanwhile do not read as well
      background(this.#revalidate(now).catch(() => {})); // the table at hand stays; the next to come tries again
      return table;
    }
    try {
      return await this.#revalidate(now);
    } catch (error) {
      if (table === undefined) throw error;
      this.#checkedAt = now;
      return table;
    }
  }

  async #revalidate(now: number): Promise<RouteTable> {
    const changes = this.#changes;
    const bytes = await this.#read(this.#compiled.version);
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
