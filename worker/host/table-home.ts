/** What the table's authority consists of on Cloudflare: its Durable Object loads it when it starts, a Worker never does. */
import { createAuthenticate } from "../admin/authenticate.ts";
import { Authority } from "../admin/authority.ts";
import { type AuthorityView, authorityView } from "../admin/console-authority.ts";
import { nobodyCanPush } from "../admin/nobody-can-push.ts";
import { PushLog } from "../admin/pushes.ts";
import { type Sql, SqlPartStorage } from "../admin/sql-part-storage.ts";
import { createSyncService } from "../admin/sync-service.ts";
import { loadRe2 } from "../snapshot/re2-later.ts";
import { clock } from "./cloudflare-clock.ts";
import { type FallbackEnv, FallbackWriter } from "./cloudflare-fallback.ts";
import { millisOf } from "./cloudflare-settings.ts";
import { readClusters } from "./table-clusters.ts";

export interface TableAuthorityEnv extends FallbackEnv {
  /** The bearer token of those who may push every cluster. A secret. */
  readonly EDGEWAY_SYNC_TOKEN?: string;
  /** Who else may push, in JSON: see ../admin/clusters.ts. */
  readonly EDGEWAY_CLUSTERS?: string;
  /** After which a cluster that has not reported serves only what no other can. */
  readonly EDGEWAY_STALE_SECONDS?: string;
}

export interface TableHome {
  readonly authority: Authority;
  /** The sync service. */
  readonly sync: (request: Request) => Promise<Response>;
  readonly view: () => AuthorityView;
}

const now = (): number => Date.now();

export async function openTableHome(sql: Sql, env: TableAuthorityEnv): Promise<TableHome> {
  await loadRe2(); // whoever pushes is told at once of expressions that are wrong
  const { clusters, grants, wrong } = readClusters(sql, env.EDGEWAY_CLUSTERS || "[]");
  const authority = new Authority(new SqlPartStorage(sql), {
    now,
    epoch: crypto.randomUUID(),
    clusters: grants,
    log: (line) => log(line),
    onChange: () => fallback?.changed(),
    staleMs: millisOf("EDGEWAY_STALE_SECONDS", env.EDGEWAY_STALE_SECONDS, 300),
  });
  const log = (line: string): void => console.warn(line);
  const fallback =
    env.TABLE_FALLBACK && new FallbackWriter({ kv: env.TABLE_FALLBACK, table: () => authority.table(), clock, log });
  if (authority.status().length > 0) fallback?.changed(); // in case it was not there when the table changed
  // Here and not in the Worker: issuers' keys and tokens that were used are remembered in one place.
  const authenticate = createAuthenticate({
    syncToken: env.EDGEWAY_SYNC_TOKEN,
    clusters,
    now,
    fetch: (input, init) => fetch(input, init),
  });
  const pushes = new PushLog(now);
  const why = wrong && `EDGEWAY_CLUSTERS: ${wrong}`;
  if (why !== undefined) console.error(`edgeway: nobody can push to this edge: ${why}`);
  const sync =
    authenticate === undefined || why !== undefined
      ? (request: Request) => nobodyCanPush(request, why)
      : createSyncService({ authority, authenticate, pushes, log });
  return { authority, sync, view: () => authorityView(authority, pushes) };
}
