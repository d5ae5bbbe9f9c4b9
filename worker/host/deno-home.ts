/** Where the route table lives on Deno: in Deno KV where there is one, as on Deno Deploy, else in a SQLite file. */
import type { RouteTable } from "../../routes/model.ts";
import { createAdmin } from "../admin/admin.ts";
import { createAuthenticate } from "../admin/authenticate.ts";
import { Authority } from "../admin/authority.ts";
import { parseClusters } from "../admin/clusters.ts";
import { createConsole } from "../admin/console.ts";
import { authorityView } from "../admin/console-authority.ts";
import { PushLog } from "../admin/pushes.ts";
import { type Sql, SqlPartStorage } from "../admin/sql-part-storage.ts";
import { createSyncService, type SyncAuthority } from "../admin/sync-service.ts";
import { Processes } from "../observe/processes.ts";
import { Traffic } from "../observe/traffic.ts";
import { CompiledTable } from "../snapshot/compiled.ts";
import { descriptorsFrom } from "../transcode/cache.ts";
import { KvAuthority, type KvAuthorityOptions } from "./deno-kv-authority.ts";
import type { Fetch } from "./fetch-handler.ts";
import { consoleAsset } from "./console-files.ts";
import { processState } from "./process-state.ts";

export interface DenoHomeOptions {
  readonly syncToken: string | undefined;
  /** The clusters that may push, in JSON. */
  readonly clusters: string | undefined;
  readonly staleMs: number | undefined;
  /** Undefined: there is no console. */
  readonly consoleToken: string | undefined;
  /** The file of the database, where there is no Deno KV. */
  readonly database: string;
  /** Gets a line for each request of an agent that is refused, and for each cluster that falls silent. */
  readonly log: (line: string) => void;
}

export interface DenoHome {
  /** "Deno KV" or the file's name. */
  readonly storage: string;
  /** Serves `/_edgeway/`. */
  readonly admin: Fetch;
  /** The table now. */
  table(): RouteTable;
  /** The bytes of the descriptor set with this hash. */
  descriptorSet(hash: string): Uint8Array | undefined;
  readonly traffic: Traffic;
  /** Lets the next process have the file, while the calls of this one end. */
  readonly release: () => void;
}

/** An authority over some storage. */
interface Opened {
  readonly storage: string;
  readonly sync: SyncAuthority;
  readonly current: () => Authority;
  readonly release: () => void;
}

/** Milliseconds after which a cluster that has become stale is noticed at the latest. */
const noticeMs = 5_000;

const now = (): number => Date.now();

/** @throws Error in one line if a setting is wrong, or the storage cannot be had */
export async function openDenoHome(options: DenoHomeOptions): Promise<DenoHome> {
  const { syncToken, consoleToken, log, staleMs, database } = options;
  const clusters = parseClusters(options.clusters ?? "[]");
  let changed = true;
  const onChange = (): void => void (changed = true);
  const common = { now, clusters, log, onChange, ...(staleMs !== undefined && { staleMs }) };
  const opened = Deno.openKv === undefined ? await openFile(database, common) : await openKv(Deno.openKv, common);
  const compiled = new CompiledTable();
  const table = (): RouteTable => {
    if (changed) compiled.swap(opened.current().table());
    changed = false;
    return compiled.orEmpty();
  };
  setInterval(() => opened.current().noticeStale(), noticeMs);
  const descriptorSet = (hash: string) => opened.current().descriptorSet(hash);
  const authenticate = createAuthenticate({ syncToken, clusters, now, fetch });
  const pushes = new PushLog(now);
  const traffic = new Traffic(now);
  const processes = new Processes(() => processState({}));
  const console = consoleToken
    ? createConsole({
        token: consoleToken,
        table,
        authority: () => authorityView(opened.current(), pushes),
        traffic: (since) => traffic.view(since),
        processes: () => ({ ...processes.view(), certificates: [] }),
        descriptors: descriptorsFrom(descriptorSet),
        asset: consoleAsset,
        now,
      })
    : undefined;
  const sync = authenticate && createSyncService({ authority: opened.sync, authenticate, pushes, log });
  const admin = createAdmin({ sync, console });
  return {
    storage: opened.storage,
    admin: (request) => admin.fetch(request),
    table,
    descriptorSet,
    traffic,
    release: opened.release,
  };
}

async function openKv(open: NonNullable<typeof Deno.openKv>, options: KvAuthorityOptions): Promise<Opened> {
  const authority = await KvAuthority.open(await open(), options);
  return { storage: "Deno KV", sync: authority, current: () => authority.current, release: () => {} };
}

/** Deno Deploy has KV, and no file that would last. */
async function openFile(file: string, options: KvAuthorityOptions): Promise<Opened> {
  const { lockFile, openSoundSql } = await import("./node-sql.ts");
  const release = lockFile(`${file}.lock`);
  if (release === undefined) throw new Error(`${file} is in use by another Edgeway`);
  const epoch = crypto.randomUUID();
  const authorityOf = (sql: Sql): Authority => new Authority(new SqlPartStorage(sql), { ...options, epoch });
  const [, authority] = openSoundSql(file, authorityOf, options.log);
  return { storage: file, sync: authority, current: () => authority, release };
}
