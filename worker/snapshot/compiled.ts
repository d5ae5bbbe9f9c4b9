/** Tables as they come from the authority, compiled. */
import { Compiler } from "../../routes/compile.ts";
import { Decoder } from "../../routes/decode.ts";
import type { ClusterPart, RouteTable } from "../../routes/model.ts";
import { TableReader } from "./read-table.ts";

export class CompiledTable {
  #table: RouteTable | undefined;
  readonly #reader = new TableReader();
  readonly #compiler = new Compiler();
  readonly #decoders = new Map<string, Decoder>();
  #epoch = "";
  /** The last good part of each cluster. */
  #parts: ReadonlyMap<string, ClusterPart> = new Map();

  /** Undefined until there was one. */
  get table(): RouteTable | undefined {
    return this.#table;
  }

  /** The revision of the table; 0 before there was one. */
  get revision(): bigint {
    return this.#table?.revision ?? 0n;
  }

  /** Names the table as its authority does; empty before there was one. */
  get version(): string {
    return this.#epoch === "" ? "" : `${this.#epoch}.${this.revision}`;
  }

  /**
   * Puts the table of `bytes` (edgeway.v1.Table) in the place of the one before, unless it is older in the same run of
   * the authority: in the next run, revisions may count anew. A part that this edge cannot read, or that an authority
   * without its storage has lost, leaves that cluster's last good one in place.
   */
  swap(bytes: Uint8Array): void {
    const { epoch, revision, clusters } = this.#reader.read(bytes);
    if (this.#table !== undefined && epoch === this.#epoch && revision <= this.revision) return;
    const parts = new Map(this.#parts);
    for (const cluster of clusters) {
      const { part } = this.#decoderOf(cluster.cluster).decode(cluster);
      if (part !== undefined) parts.set(part.cluster, part);
    }
    this.#table = this.#compiler.compile([...parts.values()], revision);
    this.#parts = parts;
    this.#epoch = epoch;
  }

  #decoderOf(cluster: string): Decoder {
    let decoder = this.#decoders.get(cluster);
    if (decoder === undefined) this.#decoders.set(cluster, (decoder = new Decoder()));
    return decoder;
  }

  /** The table; an empty one where the authority has none yet. */
  orEmpty(): RouteTable {
    return (this.#table ??= this.#compiler.compile([], 0n));
  }
}
