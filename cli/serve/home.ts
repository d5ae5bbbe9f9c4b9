/** Where a process has the route table from: its own database, or the process that has it. */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import type { Certificate } from "../../proto/gen/edgeway/v1/table_pb.js";
import { createAdmin } from "../../worker/admin/admin.ts";
import { createAuthenticate } from "../../worker/admin/authenticate.ts";
import { Authority } from "../../worker/admin/authority.ts";
import { parseClusters } from "../../worker/admin/clusters.ts";
import { createConsole } from "../../worker/admin/console.ts";
import { authorityView } from "../../worker/admin/console-authority.ts";
import { PushLog } from "../../worker/admin/pushes.ts";
import { SqlPartStorage } from "../../worker/admin/sql-part-storage.ts";
import { createSyncService } from "../../worker/admin/sync-service.ts";
import { type Fetch } from "../../worker/host/fetch-handler.ts";
import { consoleAsset } from "../../worker/host/console-files.ts";
import { lockFile, type NodeSql, openSoundSql, openSql } from "../../worker/host/node-sql.ts";
import type { ProcessMetrics } from "../../worker/observe/process-metrics.ts";
import { Traffic } from "../../worker/observe/traffic.ts";
import { CompiledTable } from "../../worker/snapshot/compiled.ts";
import { descriptorsFrom } from "../../worker/transcode/cache.ts";
import { makeDirectory } from "../../worker/host/files.ts";

/** The authority of a Node edge. */
export interface Home {
  /** Serves `/_edgeway/`. */
  readonly admin: Fetch;
  /** The table now, in binary (edgeway.v1.Table). */
  table(): Uint8Array;
  /** Those of the table. */
  certificates(): Certificate[];
  /** The bytes of the descriptor set with this hash. */
  descriptorSet(hash: string): Uint8Array | undefined;
  /** What the processes that take calls have counted. */
  readonly traffic: Traffic;
  /** Lets the next process have the data, while the calls of this one end. */
  release(): void;
  close(): void;
}

export interface HomeOptions {
  /** A directory, made if it is not there. */
  readonly data: string;
  readonly syncToken: string | undefined;
  /** The clusters that may push, in JSON. */
  readonly clusters: string | undefined;
  /** Milliseconds after which a cluster that has not reported is a last resort. */
  readonly staleMs: number;
  /** Gets a line for each request of an agent that is refused, and for each cluster that falls silent. */
  readonly log: (line: string) => void;
  /** Called after each change of the table. */
  readonly onChange: () => void;
  /** What the processes tell of themselves. */
  readonly processes: () => ProcessMetrics;
}

/** The file of the database in the data directory. */
const databaseOf = (data: string): string => join(data, "table.db");

/** @throws Error in one line if the directory or the database cannot be had */
export function openHome(options: HomeOptions): Home {
  const { data, syncToken, clusters: config, staleMs, log, onChange, processes } = options;
  const clusters = parseClusters(config ?? "[]");
  makeDirectory("--data", data);
  const release = lockFile(join(data, "lock.db"));
  if (release === undefined) throw new Error(`${data} is in use by another edgeway serve`);
  const now = (): number => Date.now();
  const authorityOf = (sql: NodeSql): Authority =>
    new Authority(new SqlPartStorage(sql), {
      now,
      epoch: randomUUID(),
      clusters,
      certificates: true,
      staleMs,
      log,
      onChange,
    });
  const [sql, authority] = openSoundSql(databaseOf(data), authorityOf, log);
  const authenticate = createAuthenticate({ syncToken, clusters, now, fetch });
  const pushes = new PushLog(now);
  const traffic = new Traffic(now);
  const admin = createAdmin({
    sync: authenticate && createSyncService({ authority, authenticate, pushes, log }),
    console: consoleOf(process.env["EDGEWAY_CONSOLE_TOKEN"], { authority, pushes, traffic, processes }),
  });
  const ageing = setInterval(() => authority.noticeStale(), noticeMs);
  return {
    admin: (request) => admin.fetch(request),
    table: () => authority.table(),
    certificates: () => authority.certificates(),
    traffic,
    descriptorSet: (hash) => authority.descriptorSet(hash),
    release,
    close() {
      clearInterval(ageing);
      sql.close();
      release();
    },
  };
}

/** What the console shows. */
interface Shown {
  readonly authority: Authority;
  readonly pushes: PushLog;
  readonly traffic: Traffic;
  readonly processes: () => ProcessMetrics;
}

function consoleOf(
  token: string | undefined,
  { authority, pushes, traffic, processes }: Shown,
): ReturnType<typeof createConsole> | undefined {
  if (!token) return undefined;
  const compiled = new CompiledTable();
  return createConsole({
    token,
    table() {
      const bytes = authority.tableSince(compiled.version);
      if (bytes !== undefined) compiled.swap(bytes);
      return compiled.orEmpty();
    },
    authority: () => authorityView(authority, pushes),
    traffic: (since) => traffic.view(since),
    processes,
    descriptors: descriptorsFrom((hash) => authority.descriptorSet(hash)),
    asset: consoleAsset,
    now: Date.now,
  });
}

/** Milliseconds after which a cluster that has become stale is noticed at the latest. */
const noticeMs = 5_000;

/** Descriptor sets as processes beside the authority's read them. */
export function createDescriptorReader(data: string): Home["descriptorSet"] {
  const storage = new SqlPartStorage(openSql(databaseOf(data)));
  return (hash) => storage.descriptorSet(hash);
}
