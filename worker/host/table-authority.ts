/** The table's authority as a Durable Object: there is one of it, and its SQLite database is the table's home. */
import type {
  DurableObjectNamespace,
  DurableObjectState,
  DurableObjectStub,
  SqlStorageValue,
} from "@cloudflare/workers-types";
import { DurableObject } from "cloudflare:workers";
import { createAuthenticate } from "../admin/authenticate.ts";
import { Authority } from "../admin/authority.ts";
import { parseClusters } from "../admin/clusters.ts";
import { type Sql, SqlPartStorage, type SqlValue } from "../admin/sql-part-storage.ts";
import { type AuthorityView, authorityView } from "../admin/console-authority.ts";
import { PushLog } from "../admin/pushes.ts";
import { createSyncService } from "../admin/sync-service.ts";

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

export interface TableAuthorityEnv {
  /** The bearer token of those who may push every cluster. A secret. */
  readonly EDGEWAY_SYNC_TOKEN?: string;
  /** Who else may push, in JSON: see ../admin/clusters.ts. */
  readonly EDGEWAY_CLUSTERS?: string;
  /** After which a cluster that has not reported serves only what no other can. */
  readonly EDGEWAY_STALE_SECONDS?: string;
}

const now = (): number => Date.now();

export class TableAuthority extends DurableObject {
  readonly #authority: Authority;
  readonly #pushes = new PushLog(now);
  readonly #sync: (request: Request) => Promise<Response>;

  constructor(ctx: DurableObjectState, env: TableAuthorityEnv) {
    super(ctx, env);
    const clusters = parseClusters(env.EDGEWAY_CLUSTERS || "[]");
    const authority = new Authority(new SqlPartStorage(sqlOf(ctx)), {
      now,
      epoch: crypto.randomUUID(),
      clusters,
      ...(env.EDGEWAY_STALE_SECONDS && { staleMs: Number(env.EDGEWAY_STALE_SECONDS) * 1000 }),
    });
    // Here and not in the Worker: issuers' keys and tokens that were used are remembered in one place.
    const authenticate = createAuthenticate({
      syncToken: env.EDGEWAY_SYNC_TOKEN,
      clusters,
      now,
      fetch: (input, init) => fetch(input, init),
    });
    this.#authority = authority;
    this.#sync =
      authenticate === undefined
        ? () => Promise.resolve(new Response("nobody can push\n", { status: 404 }))
        : createSyncService({ authority, authenticate, pushes: this.#pushes, log: (line) => console.warn(line) });
  }

  /** The sync service. */
  fetch(request: Request): Promise<Response> {
    return this.#sync(request);
  }

  /** What the console shows. */
  view(): AuthorityView {
    return authorityView(this.#authority, this.#pushes);
  }

  /** The bytes of the descriptor set with this hash. */
  descriptorSet(hash: string): Uint8Array | undefined {
    return this.#authority.descriptorSet(hash);
  }

  /** The table in binary (edgeway.v1.Table); undefined if `version` is the current one. */
  tableSince(version: string): Uint8Array | undefined {
    return this.#authority.tableSince(version);
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
