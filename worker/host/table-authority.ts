/** The table's authority as a Durable Object: there is one of it, and its SQLite database is the table's home. */
import { fromBinary } from "@bufbuild/protobuf";
import type {
  DurableObjectNamespace,
  DurableObjectState,
  DurableObjectStub,
  SqlStorage,
} from "@cloudflare/workers-types";
import { DurableObject } from "cloudflare:workers";
import { BackendSchema, RouteSchema } from "../../proto/gen/edgeway/v1/table_pb.js";
import { Authority, type PartChange, type PartStorage, type StoredPart } from "../admin/authority.ts";
import { createSyncService } from "../admin/sync-service.ts";

/** What others ask the authority besides the sync service. */
export interface TableReader {
  tableSince(revision: bigint): Promise<Uint8Array | undefined>;
  descriptorSet(hash: string): Promise<Uint8Array | undefined>;
}

/** The one authority. */
export function tableAuthority(namespace: DurableObjectNamespace): DurableObjectStub & TableReader {
  return namespace.get(namespace.idFromName("table")) as DurableObjectStub & TableReader;
}

export class TableAuthority extends DurableObject {
  readonly #authority: Authority;
  readonly #sync: (request: Request) => Promise<Response>;

  constructor(ctx: DurableObjectState, env: unknown) {
    super(ctx, env);
    this.#authority = new Authority(new SqlPartStorage(ctx), () => Date.now());
    this.#sync = createSyncService(this.#authority);
  }

  /** The sync service. Who calls has been checked by the Worker. */
  fetch(request: Request): Promise<Response> {
    return this.#sync(request);
  }

  /** The bytes of the descriptor set with this hash. */
  descriptorSet(hash: string): Uint8Array | undefined {
    return this.#authority.descriptorSet(hash);
  }

  /** The table in binary (edgeway.v1.Table); undefined if `revision` is the current one. */
  tableSince(revision: bigint): Uint8Array | undefined {
    return this.#authority.tableSince(revision);
  }
}

/** The revision as text: SQLite's integers reach us as numbers. */
type PartRow = { cluster: string; revision: string; pushed_millis: number };
type ResourceRow = { key: string; data: ArrayBuffer };
type HashRow = { hash: string };
type DescriptorSetRow = { data: ArrayBuffer };

/** A row for each resource: a row holds 2 MB at most, and a delta then writes only what it changes. */
class SqlPartStorage implements PartStorage {
  readonly #ctx: DurableObjectState;
  readonly #sql: SqlStorage;

  constructor(ctx: DurableObjectState) {
    this.#ctx = ctx;
    this.#sql = ctx.storage.sql;
    this.#sql.exec(`
      CREATE TABLE IF NOT EXISTS part (cluster TEXT PRIMARY KEY, revision TEXT, pushed_millis INTEGER) WITHOUT ROWID;
      CREATE TABLE IF NOT EXISTS resource (
        cluster TEXT, kind TEXT, key TEXT, data BLOB, PRIMARY KEY (cluster, kind, key)
      ) WITHOUT ROWID;
      CREATE TABLE IF NOT EXISTS descriptor_set (
        hash TEXT, cluster TEXT, data BLOB, PRIMARY KEY (hash, cluster)
      );
    `);
  }

  *load(): Iterable<StoredPart> {
    for (const { cluster, revision, pushed_millis } of this.#sql.exec<PartRow>("SELECT * FROM part").toArray()) {
      yield {
        cluster,
        revision: BigInt(revision),
        pushedMillis: pushed_millis,
        routes: new Map(this.#resources(cluster, "route").map(([key, data]) => [key, fromBinary(RouteSchema, data)])),
        backends: new Map(
          this.#resources(cluster, "backend").map(([key, data]) => [key, fromBinary(BackendSchema, data)]),
        ),
        descriptorSets: new Set(this.#hashes(cluster)),
      };
    }
  }

  save(part: StoredPart, change: PartChange): void {
    const { cluster, revision, pushedMillis } = part;
    this.#ctx.storage.transactionSync(() => {
      this.#sql.exec("INSERT OR REPLACE INTO part VALUES (?, ?, ?)", cluster, String(revision), pushedMillis);
      this.#write(cluster, "route", change.routes);
      this.#write(cluster, "backend", change.backends);
      for (const [hash, data] of change.descriptorSets) this.#writeSet(cluster, hash, data);
    });
  }

  descriptorSet(hash: string): Uint8Array | undefined {
    const query = "SELECT data FROM descriptor_set WHERE hash = ? LIMIT 1";
    const [row] = this.#sql.exec<DescriptorSetRow>(query, hash).toArray();
    return row && new Uint8Array(row.data);
  }

  #writeSet(cluster: string, hash: string, data: Uint8Array | undefined): void {
    if (data === undefined) {
      this.#sql.exec("DELETE FROM descriptor_set WHERE hash = ? AND cluster = ?", hash, cluster);
    } else {
      this.#sql.exec("INSERT OR REPLACE INTO descriptor_set VALUES (?, ?, ?)", hash, cluster, data.slice().buffer);
    }
  }

  #hashes(cluster: string): string[] {
    const query = "SELECT hash FROM descriptor_set WHERE cluster = ?";
    return this.#sql
      .exec<HashRow>(query, cluster)
      .toArray()
      .map(({ hash }) => hash);
  }

  #write(cluster: string, kind: string, change: ReadonlyMap<string, Uint8Array | undefined>): void {
    for (const [key, data] of change) {
      if (data === undefined) {
        this.#sql.exec("DELETE FROM resource WHERE cluster = ? AND kind = ? AND key = ?", cluster, kind, key);
      } else {
        this.#sql.exec("INSERT OR REPLACE INTO resource VALUES (?, ?, ?, ?)", cluster, kind, key, data.slice().buffer);
      }
    }
  }

  #resources(cluster: string, kind: string): [key: string, data: Uint8Array][] {
    const query = "SELECT key, data FROM resource WHERE cluster = ? AND kind = ?";
    const rows = this.#sql.exec<ResourceRow>(query, cluster, kind).toArray();
    return rows.map(({ key, data }) => [key, new Uint8Array(data)]);
  }
}
