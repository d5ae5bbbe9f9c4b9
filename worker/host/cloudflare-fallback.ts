/** The table's copy in KV: for isolates that start while nobody can ask the authority. */
import type { KVNamespace } from "@cloudflare/workers-types";

export interface FallbackEnv {
  /** Undefined: there is no copy. */
  readonly TABLE_FALLBACK?: KVNamespace;
}

const key = "table";

/** KV takes one write each second of a key. */
const writeMs = 1_000;
/** What KV takes. */
const maxBytes = 25 * 1024 * 1024;

/** Keeps the copy up to date. */
export class FallbackWriter {
  readonly #kv: KVNamespace;
  readonly #table: () => Uint8Array;
  #waiting = false;

  /** @param table the table now, in binary (edgeway.v1.Table) */
  constructor(kv: KVNamespace, table: () => Uint8Array) {
    this.#kv = kv;
    this.#table = table;
  }

  /** The table has changed. */
  changed(): void {
    if (this.#waiting) return;
    this.#waiting = true;
    setTimeout(() => {
      this.#waiting = false;
      this.#write().catch((error: unknown) => console.warn(`the table's copy in KV is old: ${String(error)}`));
    }, writeMs);
  }

  async #write(): Promise<void> {
    const table = this.#table();
    if (table.length > maxBytes) throw new Error(`the table has ${table.length} bytes, and KV takes ${maxBytes}`);
    await this.#kv.put(key, table);
  }
}

/** Reads the table from the authority by `read`, or its copy if that fails and no version is known. */
export async function readOrFallback(
  read: (version: string) => Promise<Uint8Array | undefined>,
  version: string,
  { TABLE_FALLBACK: kv }: FallbackEnv,
): Promise<Uint8Array | undefined> {
  try {
    return await read(version);
  } catch (error) {
    // A copy may be older than the table at hand.
    const copy = version === "" ? await kv?.get(key, "arrayBuffer") : undefined;
    if (copy === undefined || copy === null) throw error;
    console.warn(`the table is KV's copy, as its authority cannot be asked: ${String(error)}`);
    return new Uint8Array(copy);
  }
}
