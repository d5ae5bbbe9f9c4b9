/** The table's authority as a Durable Object: there is one of it, and its SQLite database is the table's home. */
import type {
  DurableObjectNamespace,
  DurableObjectState,
  DurableObjectStub,
  SqlStorageValue,
} from "@cloudflare/workers-types";
import { DurableObject } from "cloudflare:workers";
import type { Sql, SqlValue } from "../admin/sql-part-storage.ts";
import type { AuthorityView } from "../admin/console-authority.ts";
import type { TableAuthorityEnv, TableHome } from "./table-home.ts";

/** What others ask the authority besides the sync service. */
export interface TableReader {
  tableSince(version: string): Promise<Uint8Array | undefined>;
  descriptorSet(hash: string): Promise<Uint8Array | undefined>;
  view(): Promise<AuthorityView>;
}

/** The one authority. */
export function tableAuthority(namespace: DurableObjectNamespace): DurableObjectStub & TableReader {
  return namespace.get(namespace.idFromName("table")) as DurableObjectStub & TableReader;
}

export class TableAuthority extends DurableObject {
  /** There before the first request is. */
  #home!: TableHome;

  constructor(ctx: DurableObjectState, env: TableAuthorityEnv) {
    super(ctx, env);
    void ctx.blockConcurrencyWhile(async () => {
      const { openTableHome } = await import("./table-home.ts");
      this.#home = await openTableHome(sqlOf(ctx), env);
    });
  }

  /** The sync service. */
  fetch(request: Request): Promise<Response> {
    return this.#home.sync(request);
  }

  /** What the console shows. */
  view(): AuthorityView {
    return this.#home.view();
  }

  /** The bytes of the descriptor set with this hash. */
  descriptorSet(hash: string): Uint8Array | undefined {
    return this.#home.authority.descriptorSet(hash);
  }

  /** The table in binary (edgeway.v1.Table); undefined if `version` is the current one. */
  tableSince(version: string): Uint8Array | undefined {
    return this.#home.authority.tableSince(version);
  }
}

/** The object's database, which gives blobs as ArrayBuffers. */
function sqlOf({ storage }: DurableObjectState): Sql {
  return {
    rows(statement, ...values) {
      const bound = values.map((value) => (value instanceof Uint8Array ? value.slice().buffer : value));
      return storage.sql
        .exec(statement, ...bound)
        .toArray()
        .map(toRow);
    },
    transaction: (run) => storage.transactionSync(run),
  };
}

function toRow(row: Record<string, SqlStorageValue>): Record<string, SqlValue> {
  const values = Object.entries(row).map(([name, value]) => [
    name,
    value instanceof ArrayBuffer ? new Uint8Array(value) : value,
  ]);
  return Object.fromEntries(values) as Record<string, SqlValue>;
}
