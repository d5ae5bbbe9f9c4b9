/** The clusters that may push to the table's authority on Cloudflare, by a secret that may be wrong. */
import { type Cluster, parseClusters } from "../admin/clusters.ts";
import type { Sql } from "../admin/sql-part-storage.ts";

export interface TableClusters {
  /** Those that may push. */
  readonly clusters: readonly Cluster[];
  /** What of them is served. */
  readonly grants: readonly Grant[];
  /** What is wrong with the setting. Undefined: nothing. */
  readonly wrong: string | undefined;
}

type Grant = Pick<Cluster, "name" | "hostnames">;

/**
 * Reads the setting. While it is wrong nobody may push, and clusters are served what the last good one granted them: the
 * parts that are stored hold what was withheld, too.
 */
export function readClusters(sql: Sql, text: string): TableClusters {
  sql.rows("CREATE TABLE IF NOT EXISTS granted (clusters TEXT)");
  const { clusters, wrong } = parsed(text);
  if (clusters === undefined) return { clusters: [], grants: lastGood(sql), wrong };
  const grants = clusters.map(({ name, hostnames }) => ({ name, hostnames }));
  sql.transaction(() => {
    sql.rows("DELETE FROM granted");
    sql.rows("INSERT INTO granted VALUES (?)", JSON.stringify(grants));
  });
  return { clusters, grants, wrong };
}

function parsed(text: string): { readonly clusters?: readonly Cluster[]; readonly wrong: string | undefined } {
  try {
    return { clusters: parseClusters(text), wrong: undefined };
  } catch (error) {
    return { wrong: (error as Error).message };
  }
}

/** None if the setting was never good: then nobody has pushed, either. */
function lastGood(sql: Sql): readonly Grant[] {
  const [row] = sql.rows("SELECT clusters FROM granted");
  return row === undefined ? [] : (JSON.parse(row["clusters"] as string) as readonly Grant[]);
}
