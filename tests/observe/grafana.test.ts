/** The dashboard and the alert rules ask for what the edge exposes, by the labels that it has. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { SyncMetrics } from "../../kube-sync/cluster/sync-metrics.ts";
import { expose } from "../../worker/observe/prometheus.ts";
import { metricFamilies } from "../../worker/observe/metrics.ts";
import { Processes } from "../../worker/observe/processes.ts";
import { record } from "../../worker/observe/record.fixture.ts";
import { Traffic, TrafficCounter } from "../../worker/observe/traffic.ts";
import { root } from "../dev/cli.ts";
import { parsePrometheus } from "./prometheus.ts";

const read = (file: string) => readFileSync(join(root, "deploy/grafana", file), "utf8");

/** All that an agent can expose. */
const exposedByAgent = () => parsePrometheus(new SyncMetrics().text(new Map()));

/** All that an edge can expose. */
function exposed() {
  const traffic = new Traffic(() => 0);
  const counter = new TrafficCounter();
  const ended = [record(), record({ protocol: "http", grpcStatus: undefined })];
  for (const call of [...ended, record()]) counter.began(call);
  for (const call of ended) counter.ended(call);
  const pool = {
    backend: "b",
    state: "well",
    host: "h",
    port: 1,
    protocol: "http2",
    tls: true,
    connections: 1,
    calls: 1,
    waiting: 0,
  } as const;
  traffic.add(counter.take({ source: "a", pools: [pool], http2: { resetBurst: 1 }, spansDropped: 1 }));
  const cluster = {
    cluster: "east",
    revision: 1,
    pushedMillis: 1,
    reportedMillis: 1,
    routes: 1,
    withheldRoutes: 1,
    backends: 1,
    drained: false,
    silent: false,
    lastResort: false,
  };
  const pushes = { accepted: 1, refused: { EXPIRED: 1 } };
  const processes = {
    ...new Processes(() => ({
      pid: 1,
      residentBytes: 1,
      cpuSeconds: 1,
      startSeconds: 1,
      tlsFailures: { not_tls: 1 },
    })).view(),
    certificates: [{ hostname: "a.test", notAfter: 1 }],
  };
  return parsePrometheus(expose(metricFamilies({ traffic: traffic.view(0), clusters: [cluster], pushes, processes })));
}

function expressionsIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(expressionsIn);
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, own]) => (key === "expr" ? [String(own)] : expressionsIn(own)));
}

test.each([
  ["edgeway.json", expressionsIn(JSON.parse(read("edgeway.json")))],
  ["alerts.yaml", expressionsIn(parse(read("alerts.yaml")))],
])("%s asks for metrics and labels that are there", (_, expressions) => {
  const families = [...exposed().values(), ...exposedByAgent().values()];
  const samples = families.flatMap((family) => family.samples);
  const names = new Set(samples.map(({ name }) => name));
  const labels = new Set(["le", "instance", ...samples.flatMap((sample) => Object.keys(sample.labels))]);
  expect(expressions.length).toBeGreaterThan(5);
  for (const expression of expressions) {
    for (const [name] of expression.matchAll(/edgeway_\w+/g)) expect(names, expression).toContain(name);
    const grouped = [...expression.matchAll(/by \(([^)]*)\)/g)].flatMap(([, list]) => list!.split(/,\s*/));
    const selected = [...expression.matchAll(/\b(\w+)(?:=~|!=|=)"/g)].map(([, label]) => label!);
    for (const label of [...grouped, ...selected]) expect(labels, expression).toContain(label);
  }
});

test("every metric of the edge is in the dashboard or in its alert rules", () => {
  const asked = read("edgeway.json") + read("alerts.yaml");
  const counts = ["edgeway_cluster_routes", "edgeway_cluster_backends", "edgeway_pool_calls", "edgeway_build_info"];
  counts.push("process_start_time_seconds");
  for (const name of exposed().keys()) if (!counts.includes(name)) expect(asked).toContain(name);
});
