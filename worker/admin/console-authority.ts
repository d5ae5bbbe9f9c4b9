/** What the console shows of the authority. */
import type { ClusterMetrics } from "../observe/metrics.ts";
import type { Authority } from "./authority.ts";
import type { PushLog, PushView } from "./pushes.ts";

/** Plain data: it crosses to the isolate that shows it. */
export interface AuthorityView {
  readonly clusters: readonly ClusterMetrics[];
  readonly pushes: PushView;
}

export function authorityView(authority: Authority, pushes: PushLog): AuthorityView {
  const clusters = authority.status().map(({ cluster, revision, pushedMillis, routes, backends, lastResort }) => ({
    cluster,
    revision: Number(revision),
    pushedMillis: Number(pushedMillis),
    routes,
    backends,
    lastResort,
  }));
  return { clusters, pushes: pushes.view };
}
