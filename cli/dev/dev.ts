/** Everything that `edgeway dev` runs, and how it hangs together. */
import { randomBytes } from "node:crypto";
import { fileURLToPath } from "node:url";
import { clusterNames, startExamples } from "../../examples/services/examples.ts";
import { type Agent, startAgent } from "../../kube-sync/agent.ts";
import { formatEntry, type ReportEntry } from "../../kube-sync/report.ts";
import { filesSource } from "../../kube-sync/source-files.ts";
import type { Certificate } from "../../worker/host/node-certificates.ts";
import { type Front, startFront } from "./front/front.ts";
import type { ManifestsSource } from "../manifests.ts";
import { http1Client } from "./front/http1-client.ts";
import { startWorkerd } from "./workerd.ts";

export interface DevOptions {
  /** 0 for any. */
  readonly tlsPort: number;
  /** 0 for any. */
  readonly clearPort: number;
  /** Undefined: those of the examples, if they run. */
  readonly manifests: readonly ManifestsSource[] | undefined;
  /** Whether to run the example services. */
  readonly examples: boolean;
  readonly log: (line: string) => void;
}

export interface Dev {
  readonly tlsPort: number;
  readonly clearPort: number;
  /** Opens the console. */
  readonly consoleToken: string;
  close(): Promise<void>;
}

const exampleManifests: readonly ManifestsSource[] = clusterNames.map((cluster) => ({
  cluster,
  directory: fileURLToPath(new URL(`../../examples/manifests/${cluster}`, import.meta.url)),
}));

/**
 * Resolves once calls are served.
 *
 * @throws Error in one line if a port is taken or manifests cannot be read; then nothing is left running
 */
export async function startDev(options: DevOptions): Promise<Dev> {
  const { log } = options;
  const running = new AsyncDisposableStack();
  try {
    if (options.examples) {
      const examples = await startExamples().catch(hinted);
      running.defer(() => examples.close());
    }
    const token = randomBytes(32).toString("base64url");
    const consoleToken = randomBytes(32).toString("base64url");
    const secrets = { EDGEWAY_SYNC_TOKEN: token, EDGEWAY_CONSOLE_TOKEN: consoleToken };
    const workerd = await startWorkerd({ secrets, log });
    running.defer(() => workerd.close());

    const client = http1Client(workerd.host, workerd.port);
    running.defer(() => client.close());
    const front = await startFront({ worker: client.handler, ...options });
    running.defer(() => front.close());

    const edgeUrl = `http://${workerd.host}:${workerd.port}`;
    const setCertificates = certificatesOf(front, log);
    for (const source of options.manifests ?? (options.examples ? exampleManifests : [])) {
      const agent = await startCluster(source, { edgeUrl, token, log, setCertificates });
      running.defer(() => agent.close());
    }
    return { tlsPort: front.tlsPort, clearPort: front.clearPort, consoleToken, close: () => running.disposeAsync() };
  } catch (error) {
    await running.disposeAsync();
    throw error;
  }
}

function hinted(error: Error): never {
  if (!error.message.endsWith("the port is taken")) throw error;
  const hint = "is another npm start running? --no-examples goes without them";
  throw new Error(`${error.message}; ${hint}`, { cause: error });
}

type SetCertificates = (cluster: string, certificates: readonly Certificate[]) => void;

/** Returns what puts one cluster's certificates beside those of the others. */
function certificatesOf(front: Front, log: DevOptions["log"]): SetCertificates {
  const byCluster = new Map<string, readonly Certificate[]>();
  return (cluster, certificates) => {
    byCluster.set(cluster, certificates);
    for (const problem of front.setCertificates([...byCluster.values()].flat())) log(problem);
  };
}

interface ClusterContext {
  readonly edgeUrl: string;
  readonly token: string;
  readonly log: DevOptions["log"];
  readonly setCertificates: SetCertificates;
}

/** Starts a cluster's agent. A file that is no YAML is an error at first, and is but reported later on. */
async function startCluster({ cluster, directory }: ManifestsSource, context: ClusterContext): Promise<Agent> {
  const { edgeUrl, token, log, setCertificates } = context;
  const unreadable = Promise.withResolvers<never>();
  let phase: "starting" | "running" | "failed" = "starting";
  let told = new Set<string>();

  const tell = (line: string) => {
    if (phase !== "failed") log(line);
  };
  const onReport = (report: readonly ReportEntry[]) => {
    const broken = report.find((entry) => entry.unreadable);
    if (phase === "starting" && broken) {
      phase = "failed";
      unreadable.reject(new Error(`${directory}: ${formatEntry(broken)}`));
    }
    const lines = report.filter(({ level }) => level !== "info").map((entry) => `${cluster}: ${formatEntry(entry)}`);
    for (const line of lines) if (!told.has(line)) tell(line);
    told = new Set(lines);
  };
  const starting = startAgent({
    cluster,
    source: filesSource(directory),
    adoptAll: true,
    edgeUrl,
    token,
    onCertificates: (certificates) => setCertificates(cluster, certificates),
    onReport,
    log: tell,
  });
  try {
    const agent = await Promise.race([starting, unreadable.promise]);
    phase = "running";
    return agent;
  } catch (error) {
    starting.then(
      (agent) => agent.close(),
      () => {},
    ); // it has nothing to add
    throw error;
  }
}
