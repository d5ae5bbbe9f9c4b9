/** What `edgeway routes` lists. */
import { type RouteRow, type RoutesView, routesView } from "../../worker/admin/console-view.ts";
import { askEdge } from "../edge.ts";
import { describeFilter, pathOf } from "../explain/print.ts";
import { readTable } from "../manifest-table.ts";
import { formatTable, paint } from "../style.ts";
import type { TableSource } from "../table-source.ts";

export interface RoutesOptions {
  readonly from: TableSource;
  /** Rules that have all of them are listed. */
  readonly words: readonly string[];
  readonly json: boolean;
  /** Gets what is wrong with the manifests. */
  readonly log: (line: string) => void;
}

/** @throws Error if a directory cannot be read, or the edge not asked */
export async function listRoutes({ from, words, json, log }: RoutesOptions): Promise<{
  output: string;
  found: boolean;
}> {
  const view: RoutesView =
    "edge" in from ? await askEdge(from.edge, "api/routes", "rows") : routesView(await readTable(from.manifests, log));
  const rows = view.rows.filter((row) => hasAll(cellsOf(row).join(" "), words));
  if (json) return { output: JSON.stringify({ ...view, rows }, undefined, 2), found: rows.length > 0 };
  const table = formatTable(["Host", "Match", "Backends", "Filters", "Object"], rows.map(cellsOf));
  const more = view.more > 0 ? `\n${paint("yellow", `and ${view.more} more that the edge does not list`)}` : "";
  return { output: rows.length === 0 ? "no rule" : table + more, found: rows.length > 0 };
}

function hasAll(text: string, words: readonly string[]): boolean {
  const lower = text.toLowerCase();
  return words.every((word) => lower.includes(word.toLowerCase()));
}

function cellsOf(row: RouteRow): string[] {
  const { cluster, kind, namespace, name, ruleIndex, hostname, backends, filters } = row;
  return [
    paint("bold", hostname || "*"),
    matchOf(row),
    backends
      .map(({ backend, invalid, share }) => `${percent(share, backends.length)}${backend ?? invalid}`)
      .join(", ") || "-",
    filters.map(describeFilter).join("; ") || "-",
    `${cluster}: ${kind} ${namespace}/${name} rule ${ruleIndex}`,
  ];
}

function percent(share: number, of: number): string {
  return of === 1 ? "" : `${Number((100 * share).toFixed(2))} % `;
}

function matchOf({ match }: RouteRow): string {
  const { method, headers, params, conditions, protocols } = match;
  const more = [
    ...(method === undefined ? [] : [method]),
    ...protocols,
    ...headers.map(([name, value]) => `${name}: ${value}`),
    ...params.map(([name, value]) => `?${name}=${value}`),
    ...conditions
      .filter(({ subject }) => subject.kind !== "path")
      .map(({ subject, pattern, negate }) => `${subject.name ?? subject.kind} ${negate ? "!~" : "~"} ${pattern?.text}`),
  ];
  return [pathOf(match).trim() || "/...", ...more].join(" ");
}
