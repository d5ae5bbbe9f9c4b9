/** What the console shows of the authority. */
import type { ClusterMetrics } from "../observe/metrics.ts";
import type { Authority } from "./authority.ts";
import type { WithheldHostname } from "./granted.ts";
import type { PushLog, PushView } from "./pushes.ts";

/** Plain data: it crosses to the isolate that shows it. */
export interface AuthorityView {
  readonly clusters: readonly ClusterMetrics[];
  /** What clusters have rules for, and are not granted. */
  readonly withheld: readonly WithheldHostname[];
  readonly pushes: PushView;
}

export function authorityView(authority: Authority, pushes: PushLog): AuthorityView {
  const clusters = authority.status().map((state) => ({ ...state, revision: Number(state.revision) }));
  return { clusters, withheld: authority.withheld(), pushes: pushes.view };
}
