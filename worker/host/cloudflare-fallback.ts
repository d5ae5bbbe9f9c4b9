/** The table's copy in KV: for isolates that start while nobody can ask the authority. */
import type { KVNamespace } from "@cloudflare/workers-types";
import type { Clock } from "../call/clock.ts";

export interface FallbackEnv {
  /** Undefined: there is no copy. */
  readonly TABLE_FALLBACK?: KVNamespace;
}

const key = "table";

/** KV takes one write each second of a key. */
const writeMs = 1_000;
/** After a write that failed the next one waits twice as long, up to this. */
const maxWaitMs = 60_000;
/** What KV takes. */
const maxBytes = 25 * 1024 * 1024;

export interface FallbackWriterOptions {
  readonly kv: Pick<KVNamespace, "put">;
  /** The table now, in binary (edgeway.v1.Table). */
  readonly table: () => Uint8Array;
  readonly clock: Clock;
  readonly log: (line: string) => void;
}

/** Keeps the copy up to date. */
export class FallbackWriter {
  readonly #options: FallbackWriterOptions;
  #waiting = false;
  #waitMs = writeMs;

  constructor(options: FallbackWriterOptions) {
    this.#options = options;
  }

  /** The table has changed. */
  changed(): void {
    if (this.#waiting) return;
    this.#waiting = true;
    this.#options.clock.after(this.#waitMs, () => {
      this.#waiting = false;
      void this.#write();
    });
  }

  async #write(): Promise<void> {
    const { kv, log } = this.#options;
    const table = this.#options.table();
    // The next table may be smaller; this one does not become so.
    if (table.length > maxBytes)
      return log(`the table's copy in KV is old: the table has ${table.length} bytes, and KV takes ${maxBytes}`);
    try {
      await kv.put(key, table);
      this.#waitMs = writeMs;
    } catch (error) {
      this.#waitMs = Math.min(2 * this.#waitMs, maxWaitMs);
      log(`the table's copy in KV is old, and is written again in ${this.#waitMs / 1_000} s: ${String(error)}`);
      this.changed();
    }
  }
}

/** The copy; undefined if there is none. */
export async function readFallback({ TABLE_FALLBACK: kv }: FallbackEnv): Promise<Uint8Array | undefined> {
  const copy = await kv?.get(key, "arrayBuffer");
  return copy === undefined || copy === null ? undefined : new Uint8Array(copy);
}
