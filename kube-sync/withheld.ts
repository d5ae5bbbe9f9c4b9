/** What the edge has accepted of a cluster's table, and does not serve. */
import type { Issue } from "../proto/gen/edgeway/v1/sync_pb.js";
import type { ClusterTable, SourceRef } from "../proto/gen/edgeway/v1/table_pb.js";
import { keyOfRef } from "./objects/object.ts";

/** That the edge leaves out some of an object's routes, or all of them. */
export interface Withheld {
  readonly reason: string;
  readonly all: boolean;
}

/** By object key. */
export function withheldBySource(issues: readonly Issue[], table: ClusterTable): Map<string, Withheld> {
  const reasons = new Map<string, string[]>();
  for (const { source, reason } of issues) {
    if (source === undefined) continue;
    const key = keyOfRef(source);
    reasons.set(key, [...(reasons.get(key) ?? []), reason]);
  }
  if (reasons.size === 0) return new Map();
  const routes = Map.groupBy(table.routes, ({ source }) => keyOfSource(source));
  return new Map(
    [...reasons].map(([key, all]) => [
      key,
      { reason: [...new Set(all)].join("; "), all: all.length >= hostnamesOf(routes.get(key) ?? []) },
    ]),
  );
}

/** What may be withheld of routes: each hostname, and of one without any that it stands for every name. */
function hostnamesOf(routes: ClusterTable["routes"]): number {
  return routes.reduce((sum, { hostnames }) => sum + Math.max(1, hostnames.length), 0);
}

function keyOfSource(source: SourceRef | undefined): string {
  return source === undefined ? "" : keyOfRef(source);
}

/** How many of the table's routes the edge serves, if only by some of their hostnames. */
export function servedRoutes(issues: readonly Issue[], table: ClusterTable): number {
  const withheld = withheldBySource(issues, table);
  return table.routes.filter(({ source }) => withheld.get(keyOfSource(source))?.all !== true).length;
}
