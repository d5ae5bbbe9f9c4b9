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
  const overview = await askEdge<Overview>(edge, "api/overview", "clusters");
  const since = `api/traffic?since=${overview.now - recentMs}`;
  const traffic = await askEdge<Omit<TrafficView, "totals">>(edge, since, "slots");
  const { clusters } = overview;
  const well =
    clusters.length > 0 && clusters.every(({ lastResort, withheldRoutes }) => !lastResort && withheldRoutes === 0);
  if (json) return { output: JSON.stringify({ ...overview, ...traffic }, undefined, 2), well };
  const parts = [printClusters(overview), ...printWithheld(overview), "", printCalls(traffic)];
  const trouble = [...printUnwell(traffic), ...printFailed(traffic, overview.now), ...printRefusals(overview)];
  return { output: [...parts, ...trouble].join("\n"), well };
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

/** Addresses that are printed, and failed calls; the edge keeps more. */
const mostUnwell = 10;
const mostFailed = 3;

/** Of a backend's address every process has a pool of its own. */
function printUnwell({ pools }: Omit<TrafficView, "totals">): string[] {
  const unwell = pools.filter(({ state }) => state !== "well");
  const lines = unwell.map(({ backend, host, port, state }) => `  ${backend} at ${host}:${port}: ${state}`);
  return listed("Addresses that get no calls while others can take them:", [...new Set(lines)], mostUnwell);
}

function printFailed({ failed }: Omit<TrafficView, "totals">, now: number): string[] {
  const recent = failed.filter(({ time }) => time >= now - recentMs).toReversed();
  const lines = recent.map(({ time, path, backend, reason }) => {
    const to = backend === "" ? "" : `, ${backend}`;
    return `  ${formatAge(now - time)} ago, ${path}${to}: ${reason || "failed by its origin"}`;
  });
  return listed("Calls that failed last:", lines, mostFailed);
}

function listed(head: string, lines: readonly string[], most: number): string[] {
  if (lines.length === 0) return [];
  const more = lines.length > most ? [`  and ${lines.length - most} more`] : [];
  return ["", paint("red", head), ...lines.slice(0, most), ...more];
}

/** Refusals that are printed; the edge keeps more. */
const mostRefusals = 5;

function printRefusals({ pushes, now }: Overview): string[] {
  const refused = pushes.recent.filter(({ revision }) => revision === null);
  const lines = refused.map(({ cluster, time, reason }) => `  ${cluster}, ${formatAge(now - time)} ago: ${reason}`);
  // Of those who prove to be no cluster's there is nothing else to tell.
  const counts = Object.entries(pushes.counts.refused).map(([reason, count]) => `${count} ${reason}`);
  const total = counts.length === 0 ? [] : [`  since the edge began: ${counts.join(", ")}`];
  return listed("Pushes that were refused:", [...total, ...lines], mostRefusals + 1);
}
