/** The command line of `edgeway serve`, read. */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { UsageError } from "../usage.ts";
import { parseClusters } from "../../worker/admin/clusters.ts";
import { fileProblem, readText } from "../../worker/host/files.ts";

/** Where to listen. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Plain data: worker processes get it as it is. */
export interface ServeOptions {
  /** In the clear: HTTP/1.1 and HTTP/2 with prior knowledge. */
  readonly http: readonly Address[];
  /** Over TLS. */
  readonly https: readonly Address[];
  /** For callers whose name no certificate of the table is for. */
  readonly certificate: CertificateFiles | undefined;
  /** Where `/_edgeway/` is served, and nowhere else. Undefined: with the calls. */
  readonly admin: Address | undefined;
  readonly proxyProtocol: boolean;
  /** A directory. */
  readonly data: string;
  /** Processes that take calls; 0: this one alone. */
  readonly workers: number;
  readonly drainMs: number;
  /** The clusters that may push, and how they prove themselves: JSON. */
  readonly clusters: string | undefined;
  /** After which a cluster that has not reported serves only what no other can. */
  readonly staleMs: number;
}

export interface CertificateFiles {
  readonly chain: string;
  readonly key: string;
  /** Whose certificates callers must have. */
  readonly clientCa: string | undefined;
}

export const help = `Usage: edgeway serve [OPTION]...

Runs the edge on this machine: takes calls, and the route table that kube-sync pushes.

Options:
  --http [HOST]:PORT       listen in the clear; repeatable (:8080)
  --https [HOST]:PORT      listen with TLS; repeatable (:8443); certificates come with the
                           table (edgeway sync --push-certificates) or from the files below
  --tls-cert FILE          certificate chain for names that have none in the table, PEM
  --tls-key FILE           its private key, PEM
  --client-ca FILE         take only callers with a certificate of this CA, PEM
  --proxy-protocol         every connection begins with a PROXY protocol header (1 or 2)
  --admin [HOST]:PORT      serve /_edgeway/ (pushes, health, metrics) there alone
  --clusters FILE          JSON: the clusters that may push, their keys and hostnames
  --stale-seconds N        a cluster that has not reported for so long serves only what no
                           other can (300)
  --data DIR               keeps the route table (./edgeway-data)
  --workers N|auto         processes that take calls, "auto" for one per core (one process)
  --drain-seconds N        for calls under way when it is told to stop (30)

Environment:
  EDGEWAY_SYNC_TOKEN       the bearer token of pushes; without it, and without --clusters,
                           nobody can push
  EDGEWAY_CONSOLE_TOKEN    who has it may use the console at /_edgeway/, and scrape
                           /_edgeway/metrics; without it there is none
  EDGEWAY_ACCESS_LOG       share of the calls that are logged on standard output, from 0
                           (those that fail) to 1 (all); without it there is no access log
  OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_HEADERS, OTEL_SERVICE_NAME,
  OTEL_TRACES_SAMPLER_ARG  send spans to a collector, as OpenTelemetry defines them

SIGTERM drains and stops. SIGHUP reads the certificate's files again, and puts new workers
in the place of the old.`;

/** @throws UsageError, or an Error in one line if a file cannot be read */
export function parseServeOptions(args: readonly string[]): ServeOptions {
  const values = read(args);
  const { "tls-cert": chain, "tls-key": key, "client-ca": clientCa } = values;
  if ((chain === undefined) !== (key === undefined)) throw new UsageError("--tls-cert and --tls-key go together");
  if (clientCa !== undefined && chain === undefined) throw new UsageError("--client-ca needs --tls-cert");
  return {
    http: (values.http ?? (values.https ? [] : [":8080"])).map((value) => addressOf("--http", value)),
    https: (values.https ?? (values.http ? [] : [":8443"])).map((value) => addressOf("--https", value)),
    certificate: chain === undefined || key === undefined ? undefined : { chain, key, clientCa },
    admin: values.admin === undefined ? undefined : addressOf("--admin", values.admin),
    proxyProtocol: values["proxy-protocol"],
    data: values.data,
    workers: values.workers === undefined ? 0 : workersOf(values.workers),
    drainMs: numberOf("--drain-seconds", values["drain-seconds"], 86_400) * 1_000,
    clusters: values.clusters === undefined ? undefined : clustersIn(values.clusters),
    staleMs: numberOf("--stale-seconds", values["stale-seconds"], 604_800) * 1_000,
  };
}

function read(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        http: { type: "string", multiple: true },
        https: { type: "string", multiple: true },
        "tls-cert": { type: "string" },
        "tls-key": { type: "string" },
        "client-ca": { type: "string" },
        "proxy-protocol": { type: "boolean", default: false },
        admin: { type: "string" },
        clusters: { type: "string" },
        data: { type: "string", default: "edgeway-data" },
        workers: { type: "string" },
        "drain-seconds": { type: "string", default: "30" },
        "stale-seconds": { type: "string", default: "300" },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message.replace(/\. .*/s, "") : String(error));
  }
}

function addressOf(option: string, value: string): Address {
  const parts = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(value);
  if (parts === null || Number(parts[3]) > 65_535)
    throw new UsageError(`${option} takes [HOST]:PORT, such as 127.0.0.1:8080 or :8080, not ${JSON.stringify(value)}`);
  // Every address of the machine, of both families.
  return { host: (parts[1] ?? parts[2]) || "::", port: Number(parts[3]) };
}

function workersOf(value: string): number {
  return value === "auto" ? availableParallelism() : numberOf("--workers", value, 1_024);
}

function numberOf(option: string, value: string, max: number): number {
  if (!/^\d{1,6}$/.test(value) || Number(value) > max)
    throw new UsageError(`${option} takes a whole number up to ${max}, not ${JSON.stringify(value)}`);
  return Number(value);
}

/** @throws Error in one line that names the file, and what is wrong where */
function clustersIn(file: string): string {
  const text = readText("--clusters", file);
  try {
    parseClusters(text);
  } catch (cause) {
    throw fileProblem("--clusters", file, (cause as Error).message, cause);
  }
  return text;
}
