/**
 * The metrics of the edge. Names are those of OpenTelemetry's semantic conventions for RPC as its Prometheus
 * compatibility rules spell them (dots become underscores, the unit and "_total" are appended), after "edgeway_".
 */
import { processFamilies, type ProcessMetrics } from "./process-metrics.ts";
import { type Family, type Labels, type Sample } from "./prometheus.ts";
import { latencyBounds, type TallyRow } from "./tally.ts";
import type { TrafficView } from "./traffic.ts";
import { version } from "./version.ts";

/** What the authority knows of one cluster. */
export interface ClusterMetrics {
  readonly cluster: string;
  readonly revision: number;
  /** Unix milliseconds. */
  readonly pushedMillis: number;
  /** When its agent was last heard, Unix milliseconds. */
  readonly reportedMillis: number;
  /** Those that are served. */
  readonly routes: number;
  /** Those that are not, or not by all of their hostnames: the cluster is not granted them. */
  readonly withheldRoutes: number;
  readonly backends: number;
  /** Whether it asked for being a last resort. */
  readonly drained: boolean;
  /** Whether it is one because it was not heard for long. */
  readonly silent: boolean;
  /** Whether its rules serve only calls that no other cluster can: it is drained, or silent. */
  readonly lastResort: boolean;
}

/** How often clusters pushed. */
export interface PushCounts {
  readonly accepted: number;
  /** By why: "forged", "expired" … */
  readonly refused: Readonly<Record<string, number>>;
}

export interface MetricsSources {
  readonly traffic: TrafficView;
  readonly clusters: readonly ClusterMetrics[];
  readonly pushes: PushCounts;
  /** Undefined: the edge is made of no processes of its own. */
  readonly processes?: ProcessMetrics | undefined;
}

const buildInfo: Family = {
  name: "edgeway_build_info",
  help: "Always 1; the label has Edgeway's version.",
  type: "gauge",
  samples: [{ labels: { version }, value: 1 }],
};

export function metricFamilies({ traffic, clusters, pushes, processes }: MetricsSources): Family[] {
  return [
    buildInfo,
    ...callFamilies(traffic),
    ...connectionFamilies(traffic),
    ...clusterFamilies(clusters, pushes),
    ...(processes === undefined ? [] : processFamilies(processes)),
  ];
}

function callFamilies(traffic: TrafficView): Family[] {
  const rows = traffic.totals;
  const counter = (name: string, help: string, count: (row: TallyRow) => number): Family => ({
    name,
    help,
    type: "counter",
    samples: rows.map((row) => ({ labels: rowLabels(row), value: count(row) })),
  });
  return [
    {
      name: "edgeway_rpc_server_duration_seconds",
      help: "Duration of calls, from the head of the request to the end of the answer.",
      type: "histogram",
      samples: rows.map((row) => ({
        labels: rowLabels(row),
        value: { bounds: latencyBounds, buckets: row.buckets, sum: row.seconds },
      })),
    },
    counter("edgeway_rpc_server_errors_total", "Calls that ended with an error of the server's.", (row) => row.errors),
    counter("edgeway_rpc_client_retries_total", "Sendings to origins besides the first.", (row) => row.retries),
    counter("edgeway_rpc_server_request_size_bytes_total", "Bytes of requests' bodies.", (row) => row.requestBytes),
    counter("edgeway_rpc_server_response_size_bytes_total", "Bytes of answers' bodies.", (row) => row.responseBytes),
    {
      name: "edgeway_rpc_server_active_requests",
      help: "Calls under way.",
      type: "gauge",
      samples: traffic.open.map(({ route, count }) => ({ labels: { route }, value: count })),
    },
  ];
}

/** The conventions' names of what callers speak. */
const systems: Readonly<Record<string, string>> = {
  grpc: "grpc",
  "grpc-web": "grpc",
  "grpc-web-text": "grpc",
  "connect-unary": "connect_rpc",
  "connect-stream": "connect_rpc",
  "connect-get": "connect_rpc",
};

function rowLabels({ route, backend, protocol, status }: TallyRow): Labels {
  const system = systems[protocol];
  const common = { route, backend, protocol };
  return system === undefined
    ? { ...common, http_response_status_code: status }
    : { ...common, rpc_system: system, rpc_grpc_status_code: status };
}

function connectionFamilies(traffic: TrafficView): Family[] {
  const { pools } = traffic;
  const gauge = (name: string, help: string, count: (pool: (typeof pools)[number]) => number): Family => ({
    name,
    help,
    type: "gauge",
    samples: pools.map((pool) => ({
      labels: {
        backend: pool.backend,
        server_address: pool.host,
        server_port: String(pool.port),
        network_protocol_name: pool.protocol,
      },
      value: count(pool),
    })),
  });
  return [
    gauge("edgeway_pool_connections", "Open connections to an address of an origin.", (pool) => pool.connections),
    gauge("edgeway_pool_calls", "Calls under way on them.", (pool) => pool.calls),
    gauge("edgeway_pool_well", "Whether the address gets calls: it is healthy, not ejected and reachable.", (pool) =>
      Number(pool.state === "well"),
    ),
    gauge("edgeway_pool_waiting", "Calls that wait for a connection.", (pool) => pool.waiting),
    {
      name: "edgeway_otlp_spans_dropped_total",
      help: "Spans that were lost: too many waited, or the collector did not take them.",
      type: "counter",
      samples: [{ labels: {}, value: traffic.spansDropped }],
    },
    {
      name: "edgeway_http2_limits_passed_total",
      help: "How often a peer passed a limit of the HTTP/2 engine.",
      type: "counter",
      samples: Object.entries(traffic.http2).map(([limit, value]): Sample => ({ labels: { limit }, value })),
    },
  ];
}

function clusterFamilies(clusters: readonly ClusterMetrics[], pushes: PushCounts): Family[] {
  const gauge = (name: string, help: string, value: (cluster: ClusterMetrics) => number): Family => ({
    name,
    help,
    type: "gauge",
    samples: clusters.map((each) => ({ labels: { cluster: each.cluster }, value: value(each) })),
  });
  return [
    gauge("edgeway_cluster_revision", "Revision of the cluster's part of the table.", ({ revision }) => revision),
    gauge(
      "edgeway_cluster_last_push_timestamp_seconds",
      "When the cluster last pushed, Unix seconds.",
      ({ pushedMillis }) => pushedMillis / 1000,
    ),
    gauge(
      "edgeway_cluster_last_report_timestamp_seconds",
      "When the cluster's agent was last heard, Unix seconds.",
      ({ reportedMillis }) => reportedMillis / 1000,
    ),
    gauge("edgeway_cluster_routes", "Routes of the cluster that are served.", ({ routes }) => routes),
    gauge(
      "edgeway_cluster_withheld_routes",
      "Routes of the cluster with hostnames that it is not granted.",
      ({ withheldRoutes }) => withheldRoutes,
    ),
    gauge("edgeway_cluster_backends", "Backends of the cluster.", ({ backends }) => backends),
    gauge(
      "edgeway_cluster_last_resort",
      "Whether the cluster is a last resort: drained, or silent.",
      ({ lastResort }) => Number(lastResort),
    ),
    gauge("edgeway_cluster_drained", "Whether the cluster is drained.", ({ drained }) => Number(drained)),
    {
      name: "edgeway_pushes_total",
      help: "Pushes of the clusters' agents.",
      type: "counter",
      samples: [
        { labels: { outcome: "accepted", reason: "" }, value: pushes.accepted },
        ...Object.entries(pushes.refused).map(([reason, value]) => ({ labels: { outcome: "refused", reason }, value })),
      ],
    },
  ];
}
