/** What `edgeway status` says. */
import type { AuthorityView } from "../../worker/admin/console-authority.ts";
import type { ClusterMetrics } from "../../worker/observe/metrics.ts";
import type { TrafficView } from "../../worker/observe/traffic.ts";
import { askEdge, type EdgeSource } from "../edge.ts";
import { formatAge, formatTable, paint } from "../style.ts";

export interface StatusOptions {
  readonly edge: EdgeSource;
  readonly json: boolean;
}

interface Overview extends AuthorityView {
  /** The edge's time, Unix milliseconds. */
  readonly now: number;
  readonly revision: string;
}

/** Milliseconds of the calls that are counted. */
const recentMs = 30_000;

/** @throws Error in one line if the edge cannot be asked */
export async function edgeStatus({ edge, json }: StatusOptions): Promise<{ output: string; well: boolean }> {
  const overview = await askEdge<Overview>(edge, "api/overview");
  const traffic = await askEdge<Omit<TrafficView, "totals">>(edge, `api/traffic?since=${overview.now - recentMs}`);
  const { clusters } = overview;
  const well =
    clusters.length > 0 && clusters.every(({ lastResort, withheldRoutes }) => !lastResort && withheldRoutes === 0);
  if (json) return { output: JSON.stringify({ ...overview, ...traffic }, undefined, 2), well };
  const parts = [printClusters(overview), ...printWithheld(overview), "", printCalls(traffic)];
  return { output: [...parts, ...printRefusals(overview)].join("\n"), well };
}

function printClusters({ clusters, revision, now }: Overview): string {
  if (clusters.length === 0) return paint("red", "no cluster has pushed yet");
  const rows = clusters.map(({ cluster, revision: own, pushedMillis, routes, withheldRoutes, backends, ...state }) => [
    paint("bold", cluster),
    String(own),
    `${formatAge(now - pushedMillis)} ago`,
    `${formatAge(now - state.reportedMillis)} ago`,
    String(routes),
    withheldRoutes > 0 ? paint("yellow", String(withheldRoutes)) : "0",
    String(backends),
    stateOf(state, now),
  ]);
  const heads = ["Cluster", ">Revision", "Last push", "Last heard", ">Routes", ">Withheld", ">Backends", "State"];
  const table = formatTable(heads, rows);
  return `revision ${revision}\n\n${table}`;
}

function stateOf(
  { drained, silent, reportedMillis }: Pick<ClusterMetrics, "drained" | "silent" | "reportedMillis">,
  now: number,
): string {
  const why = [...(drained ? ["drained"] : []), ...(silent ? [`silent for ${formatAge(now - reportedMillis)}`] : [])];
  return why.length === 0 ? paint("green", "serves") : paint("yellow", why.join(", "));
}

/** Hostnames that are printed. */
const mostWithheld = 10;

function printWithheld({ withheld }: Overview): string[] {
  if (withheld.length === 0) return [];
  const lines = withheld
    .slice(0, mostWithheld)
    .map(
      ({ cluster, kind, namespace, name, hostname }) =>
        `  ${cluster}: ${kind} ${namespace}/${name}: ${hostname === "" ? "every hostname" : `"${hostname}"`}`,
    );
  const more = withheld.length > mostWithheld ? ["  and more"] : [];
  return ["", paint("yellow", "Not served, as the cluster is not granted it:"), ...lines, ...more];
}

function printCalls({ slots, open, pools }: Omit<TrafficView, "totals">): string {
  const rows = slots.flatMap((slot) => slot.rows);
  const sum = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0);
  const calls = sum(rows.map((row) => row.calls));
  const errors = sum(rows.map((row) => row.errors));
  const share = calls === 0 ? "" : ` (${Number(((100 * errors) / calls).toFixed(2))} %)`;
  const failed = `${errors} errors${share}`;
  const connections = sum(pools.map((pool) => pool.connections));
  return [
    `${calls} calls in the last ${recentMs / 1000} s, ${errors > 0 ? paint("red", failed) : failed}`,
    `${sum(open.map(({ count }) => count))} open, on ${connections} connections to ${pools.length} addresses`,
  ].join("\n");
}

/** Refusals that are printed; the edge keeps more. */
const mostRefusals = 5;

function printRefusals({ pushes, now }: Overview): string[] {
  const refused = pushes.recent.filter(({ revision }) => revision === null).slice(0, mostRefusals);
  if (refused.length === 0) return [];
  const lines = refused.map(({ cluster, time, reason }) => `  ${cluster}, ${formatAge(now - time)} ago: ${reason}`);
  return ["", paint("red", "Pushes that were refused:"), ...lines];
}
