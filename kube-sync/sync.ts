import type { Push } from "./agent.ts";
import { Agent } from "./agent.ts";
import { systemClock } from "./clock.ts";
import type { Access } from "./cluster/access.ts";
import type { KubeApi } from "./cluster/api.ts";
import { connectApi } from "./cluster/api.ts";
import { Events } from "./cluster/events.ts";
import { Leader } from "./cluster/leader.ts";
import type { HealthServer } from "./cluster/serve-health.ts";
import { serveHealth } from "./cluster/serve-health.ts";
import { clusterSource } from "./cluster/source-cluster.ts";
import { Statuses } from "./cluster/statuses.ts";
import { SyncMetrics } from "./cluster/sync-metrics.ts";
import { unwanted, wantedAfter } from "./cluster/wanted.ts";
import type { Token } from "./push.ts";
import { tellPassedOver } from "./passed-over.ts";
import { formatEntry, type ReportEntry } from "./report.ts";
import { filesSource } from "./source-files.ts";
import type { TranslateOptions } from "./translate/context.ts";

export interface SyncOptions extends TranslateOptions {
  /** A directory of manifests, or the API server. */
  readonly from: { readonly directory: string } | ClusterOptions;
  readonly edgeUrl: string;
  readonly token: Token;
  /** Where to serve /healthz, /readyz and /metrics; undefined: nowhere. */
  readonly listen: { readonly host: string; readonly port: number } | undefined;
  readonly log: (line: string) => void;
}

export interface ClusterOptions {
  readonly access: Access;
  /** Unique among the agents of the cluster, such as the Pod's name. */
  readonly identity: string;
  /** Where callers reach the edge: what Ingresses and Gateways say of themselves. Undefined: nothing. */
  readonly edgeAddress: string | undefined;
  /** The Lease that makes one of several agents the one who pushes. Undefined: there is but one. */
  readonly lease: { readonly namespace: string; readonly name: string } | undefined;
}

export interface Sync {
  /** Of the health server; undefined without one. */
  readonly port: number | undefined;
  /** Hands over to another agent, if there is one, and ends. */
  close(): Promise<void>;
}

/**
 * Runs a cluster's agent: everything that `edgeway sync` does. Resolves once it is under way; that it is synced and
 * has pushed is what /readyz says.
 * @throws an Error in one line when an option is wrong, the port is taken or a directory cannot be read.
 */
export async function startSync(options: SyncOptions): Promise<Sync> {
  const running = new AsyncDisposableStack();
  try {
    const health = await start(options, running);
    return { port: health?.port, close: () => running.disposeAsync() };
  } catch (error) {
    await running.disposeAsync();
    throw error;
  }
}

async function start(options: SyncOptions, running: AsyncDisposableStack): Promise<HealthServer | undefined> {
  const { from, log, listen } = options;
  const metrics = new SyncMetrics();
  const cluster = "access" in from ? new ClusterSide(from, metrics, log) : undefined;
  // The Lease is where the agents are.
  const agentNamespace = "access" in from ? from.lease?.namespace : undefined;
  const tell = reportTeller(options);
  let remark: string | undefined;
  const agent = new Agent({
    ...options,
    ...(agentNamespace !== undefined && { agentNamespace }),
    source: "directory" in from ? filesSource(from.directory) : cluster!.source,
    onReport(report) {
      metrics.reported(report);
      cluster?.reported(report);
      tell(report);
      remark = tellPassedOver(report).line;
    },
    onPush(push) {
      metrics.pushed(push);
      cluster?.pushed(push);
    },
    onHeartbeat: ({ kind }) => metrics.heartbeat(kind),
    onOverwritten: () => metrics.overwritten(),
    onPushBytes: (bytes) => metrics.pushedBytes(bytes),
  });
  running.defer(() => agent.close());
  const lead = (now: boolean) => {
    metrics.leads(now);
    agent.lead(now);
    if (!now) cluster?.rest();
  };

  let health: HealthServer | undefined;
  if (listen !== undefined) {
    const notReady = () => agent.trouble;
    const shown = { remark: () => remark, metrics: () => metrics.text(agent.objectCounts()) };
    health = running.use(await serveHealth({ ...listen, notReady, ...shown }));
  }
  if (cluster === undefined) {
    await agent.start();
    lead(true);
    return health;
  }
  running.use(cluster);
  // An API server that is away may come: nothing to fail at.
  void agent.start();
  cluster.elect(lead);
  return health;
}

/** Returns what logs what is new in the report. */
function reportTeller({ cluster, log }: SyncOptions): (report: readonly ReportEntry[]) => void {
  let told = new Set<string>();
  let passedOver: ReadonlySet<string> | undefined;
  return (report) => {
    const lines = new Set(report.filter(({ level }) => level !== "info").map(formatEntry));
    for (const line of lines) if (!told.has(line)) log(line);
    told = lines;
    const { line, told: now } = tellPassedOver(report, passedOver);
    if (line !== undefined) log(`${cluster}: ${line}`);
    passedOver = now;
  };
}

/** What an agent has to do with its API server, but for reading. */
class ClusterSide implements AsyncDisposable {
  readonly #options: ClusterOptions;
  readonly #api: KubeApi;
  readonly #statuses: Statuses;
  readonly #events: Events;
  readonly #log: SyncOptions["log"];
  readonly source;
  #leader: Leader | undefined;
  #report: readonly ReportEntry[] = [];

  constructor(options: ClusterOptions, metrics: SyncMetrics, log: SyncOptions["log"]) {
    const { access, identity, edgeAddress } = options;
    const api = connectApi(access);
    const shared = { api, log, clock: systemClock, random: Math.random, date: () => new Date() };
    this.#options = options;
    this.#api = api;
    this.#log = log;
    this.#statuses = new Statuses({ ...shared, unwanted: (ref) => unwanted(ref, edgeAddress) });
    this.#events = new Events({ ...shared, identity });
    this.source = clusterSource({
      api,
      observer: {
        seen: (object) => this.#statuses.seen(object),
        gone: (ref) => this.#statuses.gone(ref),
        restarted: (kind, why) => metrics.restarted(kind, why),
      },
    });
  }

  /** Calls `lead` when this agent becomes the one who pushes, or no longer is. */
  elect(lead: (leading: boolean) => void): void {
    const { identity, lease } = this.#options;
    if (lease === undefined) return lead(true);
    const shared = { api: this.#api, log: this.#log, clock: systemClock, random: Math.random, date: () => new Date() };
    this.#leader = new Leader({ ...shared, ...lease, identity, onChange: lead });
    this.#leader.start();
  }

  pushed(push: Push): void {
    this.#events.report(this.#report);
    this.#statuses.want(wantedAfter(push, this.#options.edgeAddress));
  }

  reported(report: readonly ReportEntry[]): void {
    this.#report = report;
  }

  /** Another leads. */
  rest(): void {
    this.#statuses.want(undefined);
    this.#events.report([]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#leader?.close();
    this.#statuses.close();
    this.#events.close();
    this.#api.close();
  }
}
