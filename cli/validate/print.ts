/** What `edgeway validate` says, as a table. */
import type { KubeObject } from "../../kube-sync/objects/object.ts";
import { refOf } from "../../kube-sync/objects/object.ts";
import { tellPassedOver } from "../../kube-sync/passed-over.ts";
import { paint } from "../style.ts";
import type { ReportEntry } from "../../kube-sync/report.ts";
import { compareText } from "../../kube-sync/report.ts";
import type { ClusterTable } from "../../proto/gen/edgeway/v1/table_pb.js";

const ENTRY_KINDS: ReadonlySet<string> = new Set(["Ingress", "HTTPRoute", "GRPCRoute", "VirtualService", "Gateway"]);

const colours = { error: "red", warning: "yellow", skipped: "dim", info: "dim", ok: "green" } as const;

/** A line for each object that routes calls or has something to report, and its entries below it. */
export function printTable(
  objects: readonly KubeObject[],
  table: ClusterTable,
  report: readonly ReportEntry[],
): string {
  const entries = Map.groupBy(report, ({ source }) => nameOf(source));
  const routing = objects.filter(({ kind }) => ENTRY_KINDS.has(kind)).map((object) => nameOf(refOf(object)));
  const names = [...new Set([...entries.keys(), ...routing])].toSorted(compareText);
  const rules = countRules(table);
  const width = Math.max(0, ...names.map((name) => name.length));
  const lines = names.flatMap((name) => {
    const own = entries.get(name) ?? [];
    const served = rules.get(name);
    const verdict = served === undefined ? "" : `${served} ${served === 1 ? "rule" : "rules"}`;
    const state = stateOf(own, served, routing.includes(name));
    const head = `${paint(colours[state], state.padEnd(8))} ${name.padEnd(width)}  ${verdict}`;
    return [head.trimEnd(), ...own.map(describe)];
  });
  const passedOver = tellPassedOver(report).line ?? [];
  return [lines, lines.length === 0 ? [] : "", passedOver, summary(table, report)].flat().join("\n");
}

/** Each entry's level stands before it, so that lines can be searched for. */
function describe({ level, field, reason }: ReportEntry): string {
  return `  ${paint(colours[level], level)}: ${field === "" ? "" : `${field}: `}${reason}`;
}

function stateOf(entries: readonly ReportEntry[], served: number | undefined, routes: boolean): keyof typeof colours {
  if (entries.some(({ level }) => level === "error")) return "error";
  if (entries.some(({ level }) => level === "warning")) return "warning";
  return routes && served === undefined && entries.length > 0 ? "skipped" : "ok";
}

function nameOf({ kind, namespace, name, file }: ReportEntry["source"]): string {
  if (kind === "") return file;
  return `${kind} ${namespace === "" ? name : `${namespace}/${name}`}`;
}

/** How many rules each object has in the table, whichever hosts they are repeated for. */
function countRules({ routes }: ClusterTable): Map<string, number> {
  const known = new Map<string, Set<string>>();
  for (const { source, rules } of routes) {
    if (source === undefined) continue;
    const name = nameOf({ ...source, file: "" });
    const own = known.get(name) ?? new Set();
    for (const { index, matches } of rules) own.add(JSON.stringify([index, matches]));
    known.set(name, own);
  }
  return new Map([...known].map(([name, own]) => [name, own.size]));
}

function summary({ routes, backends }: ClusterTable, report: readonly ReportEntry[]): string {
  const hosts = new Set(routes.flatMap(({ hostnames }) => (hostnames.length === 0 ? ["*"] : hostnames))).size;
  const count = (wanted: ReportEntry["level"]) => report.filter(({ level }) => level === wanted).length;
  const parts = [
    plural(hosts, "host"),
    plural(backends.length, "backend"),
    plural(count("error"), "error"),
    plural(count("warning"), "warning"),
  ];
  return `${parts.join(", ")}${hosts === 0 ? ": nothing would be served" : ""}`;
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
