import type { Push } from "../agent.ts";
import { apiKinds, type Kind } from "../objects/object.ts";
import { countPassedOver } from "../passed-over.ts";
import type { Heartbeat } from "../push.ts";
import type { ReportEntry } from "../report.ts";
import { Metrics } from "./metrics.ts";

/** What an agent measures of itself. */
export class SyncMetrics {
  readonly #metrics = new Metrics();

  constructor() {
    const metrics = this.#metrics;
    metrics.describe("edgeway_sync_objects", "gauge", "Objects of the cluster that the agent has, by kind.");
    metrics.describe("edgeway_sync_watches_total", "counter", "Watches opened, by kind.");
    metrics.describe("edgeway_sync_lists_total", "counter", "Times that all objects of a kind were listed.");
    metrics.describe("edgeway_sync_leader", "gauge", "Whether this agent is the one who pushes.");
    metrics.describe("edgeway_sync_translate_seconds_total", "counter", "Time that translations took.");
    metrics.describe("edgeway_sync_translations_total", "counter", "Translations of the cluster's objects.");
    metrics.describe("edgeway_sync_report_entries", "gauge", "What there is to say of objects, by level.");
    metrics.describe("edgeway_sync_passed_over", "gauge", "Objects left to others for their classes, by kind.");
    metrics.describe("edgeway_sync_pushes_total", "counter", "Tables brought to the edge, by outcome.");
    metrics.describe("edgeway_sync_push_bytes_total", "counter", "Bytes of tables sent to the edge, compressed.");
    metrics.describe("edgeway_sync_heartbeats_total", "counter", "Reports to the edge, by outcome.");
    metrics.describe("edgeway_sync_overwrites_total", "counter", "Times that another agent had pushed this cluster.");
    metrics.describe("edgeway_sync_revision", "gauge", "The cluster's revision at the edge.");
    for (const outcome of ["whole", "delta", "unchanged", "refused", "failed"]) {
      metrics.add("edgeway_sync_pushes_total", 0, { outcome });
    }
    for (const outcome of ["current", "stale", "failed"]) metrics.add("edgeway_sync_heartbeats_total", 0, { outcome });
    metrics.add("edgeway_sync_overwrites_total", 0);
    metrics.add("edgeway_sync_push_bytes_total", 0);
    this.leads(false);
  }

  restarted(kind: Kind, why: "watch" | "list"): void {
    this.#metrics.add(why === "watch" ? "edgeway_sync_watches_total" : "edgeway_sync_lists_total", 1, { kind });
  }

  leads(leading: boolean): void {
    this.#metrics.set("edgeway_sync_leader", leading ? 1 : 0);
  }

  reported(report: readonly ReportEntry[]): void {
    for (const level of ["error", "warning", "info"] as const) {
      const count = report.filter((entry) => entry.level === level).length;
      this.#metrics.set("edgeway_sync_report_entries", count, { level });
    }
    for (const kind of ["Ingress", "Gateway"]) {
      this.#metrics.set("edgeway_sync_passed_over", countPassedOver(report, kind), { kind });
    }
  }

  pushed({ outcome, translateMs }: Push): void {
    this.#metrics.add("edgeway_sync_translations_total", 1);
    this.#metrics.add("edgeway_sync_translate_seconds_total", translateMs / 1000);
    const how = outcome.kind === "accepted" ? (outcome.sent ?? "unchanged") : outcome.kind;
    this.#metrics.add("edgeway_sync_pushes_total", 1, { outcome: how });
    if (outcome.kind === "accepted") this.#metrics.set("edgeway_sync_revision", Number(outcome.revision));
  }

  heartbeat(outcome: Heartbeat["kind"]): void {
    this.#metrics.add("edgeway_sync_heartbeats_total", 1, { outcome });
  }

  overwritten(): void {
    this.#metrics.add("edgeway_sync_overwrites_total", 1);
  }

  pushedBytes(bytes: number): void {
    this.#metrics.add("edgeway_sync_push_bytes_total", bytes);
  }

  text(objects: ReadonlyMap<Kind, number>): string {
    for (const { kind } of apiKinds) this.#metrics.set("edgeway_sync_objects", objects.get(kind) ?? 0, { kind });
    return this.#metrics.text();
  }
}
