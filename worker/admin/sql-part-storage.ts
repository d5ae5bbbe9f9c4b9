/** Parts in a SQLite database, whichever runtime has it. */
import { type DescMessage, fromBinary, type MessageShape } from "@bufbuild/protobuf";
import { BackendSchema, CertificateSchema, RouteSchema } from "../../proto/gen/edgeway/v1/table_pb.js";
import type { PartChange, PartStorage, StoredPart } from "./part.ts";

export type SqlValue = string | number | Uint8Array;

/** What is needed of a database. */
export interface Sql {
  /** Runs one statement, whose "?" stand for `values`, and returns its rows. */
  rows(statement: string, ...values: readonly SqlValue[]): readonly Readonly<Record<string, SqlValue>>[];
  /** Whether `run` returns or throws, all of its statements count, or none. */
  transaction(run: () => void): void;
}

/** The revision as text: SQLite's integers reach JavaScript as numbers. */
const tables = [
  `CREATE TABLE IF NOT EXISTS part (
     cluster TEXT PRIMARY KEY, revision TEXT, pushed_millis INTEGER, issued_millis INTEGER, last_resort INTEGER
   ) WITHOUT ROWID`,
  `CREATE TABLE IF NOT EXISTS resource (
     cluster TEXT, kind TEXT, key TEXT, data BLOB, PRIMARY KEY (cluster, kind, key)
   ) WITHOUT ROWID`,
  "CREATE TABLE IF NOT EXISTS report (cluster TEXT PRIMARY KEY, millis INTEGER) WITHOUT ROWID",
  "CREATE TABLE IF NOT EXISTS descriptor_set (hash TEXT, cluster TEXT, data BLOB, PRIMARY KEY (hash, cluster))",
];

/** A row for each resource: Cloudflare's hold 2 MB at most, and a delta then writes only what it changes. */
export class SqlPartStorage implements PartStorage {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
    for (const statement of tables) sql.rows(statement);
  }

  *load(): Iterable<StoredPart> {
    for (const row of this.#sql.rows("SELECT * FROM part")) {
      const cluster = String(row["cluster"]);
      yield {
        cluster,
        revision: BigInt(row["revision"] as string),
        pushedMillis: Number(row["pushed_millis"]),
        issuedMillis: Number(row["issued_millis"]),
        lastResort: row["last_resort"] === 1,
        routes: this.#resources(cluster, "route", RouteSchema),
        backends: this.#resources(cluster, "backend", BackendSchema),
        certificates: this.#resources(cluster, "certificate", CertificateSchema),
        descriptorSets: new Set(this.#hashes(cluster)),
      };
    }
  }

  save(part: StoredPart, change: PartChange): void {
    const { cluster, revision, pushedMillis, issuedMillis, lastResort } = part;
    const row = [cluster, String(revision), pushedMillis, issuedMillis, lastResort ? 1 : 0];
    this.#sql.transaction(() => {
      this.#sql.rows("INSERT OR REPLACE INTO part VALUES (?, ?, ?, ?, ?)", ...row);
      this.#write(cluster, "route", change.routes);
      this.#write(cluster, "backend", change.backends);
      this.#write(cluster, "certificate", change.certificates);
      for (const [hash, data] of change.descriptorSets) this.#writeSet(cluster, hash, data);
    });
  }

  descriptorSet(hash: string): Uint8Array | undefined {
    const [row] = this.#sql.rows("SELECT data FROM descriptor_set WHERE hash = ? LIMIT 1", hash);
    return row?.["data"] as Uint8Array | undefined;
  }

  reports(): (readonly [string, number])[] {
    const rows = this.#sql.rows("SELECT cluster, millis FROM report");
    return rows.map(({ cluster, millis }) => [String(cluster), Number(millis)]);
  }

  reported(cluster: string, millis: number): void {
    this.#sql.rows("INSERT OR REPLACE INTO report VALUES (?, ?)", cluster, millis);
  }

  #writeSet(cluster: string, hash: string, data: Uint8Array | undefined): void {
    if (data === undefined) this.#sql.rows("DELETE FROM descriptor_set WHERE hash = ? AND cluster = ?", hash, cluster);
    else this.#sql.rows("INSERT OR REPLACE INTO descriptor_set VALUES (?, ?, ?)", hash, cluster, data);
  }

  #hashes(cluster: string): string[] {
    const rows = this.#sql.rows("SELECT hash FROM descriptor_set WHERE cluster = ?", cluster);
    return rows.map(({ hash }) => String(hash));
  }

  #write(cluster: string, kind: string, change: ReadonlyMap<string, Uint8Array | undefined>): void {
    for (const [key, data] of change) {
      if (data === undefined)
        this.#sql.rows("DELETE FROM resource WHERE cluster = ? AND kind = ? AND key = ?", cluster, kind, key);
      else this.#sql.rows("INSERT OR REPLACE INTO resource VALUES (?, ?, ?, ?)", cluster, kind, key, data);
    }
  }

  #resources<D extends DescMessage>(cluster: string, kind: string, schema: D): Map<string, MessageShape<D>> {
    const rows = this.#sql.rows("SELECT key, data FROM resource WHERE cluster = ? AND kind = ?", cluster, kind);
    return new Map(rows.map(({ key, data }) => [String(key), fromBinary(schema, data as Uint8Array)]));
  }
}
