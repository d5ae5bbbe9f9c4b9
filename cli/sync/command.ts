/** The command line of `edgeway sync`. */
import { hostname } from "node:os";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import type { Access } from "../../kube-sync/cluster/access.ts";
import { agentToken } from "../agent-token.ts";
import type { SyncOptions } from "../../kube-sync/sync.ts";
import { stopRequested } from "../dev/stop.ts";
import { edgeUrl } from "../edge.ts";
import { UsageError } from "../usage.ts";

const help = `Usage: edgeway sync --edge URL --cluster NAME [OPTION]...

Keeps the edge's table of one cluster equal to the cluster's objects: reads them from the
API server, or from a directory of YAML, and pushes what they ask for.

Options:
  --edge URL                     the edge, such as https://edge.example.com
  --cluster NAME                 the cluster's name at the edge
  --token-file FILE              what the edge knows the agent by, read anew for each push
  --key-file FILE                or a private key, Ed25519 or P-256 (PEM), that the edge knows
                                 the public one of; the variable EDGEWAY_SYNC_TOKEN without both
  --audience NAME                whom the key's tokens are for, as the edge has it (edgeway)
  --edge-hostname NAME           where callers reach the edge: the address that Ingresses
                                 and Gateways get in their status
  --push-certificates            push the certificates of TLS listeners with their keys, for
                                 an edge that serves TLS itself
  --adopt-class NAME             also take the IngressClass or GatewayClass of this name,
                                 which another controller owns; repeatable
  --adopt-all                    take every class, and Ingresses without one
  --listen [HOST:]PORT           serve /healthz, /readyz and /metrics
  --leader-election NAMESPACE/NAME
                                 of several agents, only the holder of this Lease pushes

Where the objects are; without any, the cluster that it runs in, or the kubeconfig:
  --kubeconfig FILE              reach the API server by this file
  --context NAME                 in this context of it
  --manifests DIR                no API server: a directory of YAML, watched`;

/** How long stopping may take before the process ends anyway: a Pod has 30 s. */
const stopMs = 10_000;

export const syncCommand = { summary: "keep the edge's table of a cluster up to date", help, run };

async function run(args: readonly string[]): Promise<number> {
  const options = await optionsOf(parse(args));
  const stop = stopRequested();
  void stop.then(() => setTimeout(() => process.exit(1), stopMs).unref());
  // Only now: what it brings along takes a while to load.
  const { startSync } = await import("../../kube-sync/sync.ts");
  const sync = await startSync(options);
  if (sync.port !== undefined) options.log(`health and metrics at port ${sync.port}`);
  await stop;
  await sync.close();
  return 0;
}

type Values = ReturnType<typeof parse>;

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        edge: { type: "string" },
        cluster: { type: "string" },
        "token-file": { type: "string" },
        "key-file": { type: "string" },
        audience: { type: "string", default: "edgeway" },
        "edge-hostname": { type: "string" },
        "push-certificates": { type: "boolean", default: false },
        "adopt-class": { type: "string", multiple: true, default: [] },
        "adopt-all": { type: "boolean", default: false },
        listen: { type: "string" },
        "leader-election": { type: "string" },
        kubeconfig: { type: "string" },
        context: { type: "string" },
        manifests: { type: "string" },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message.replace(/\. .*/s, "") : String(error));
  }
}

async function optionsOf(values: Values): Promise<SyncOptions> {
  const { edge, cluster } = values;
  if (edge === undefined || !/^https?:$/.test(URL.parse(edge)?.protocol ?? "")) {
    throw new UsageError("--edge takes the edge's URL, such as https://edge.example.com");
  }
  if (cluster === undefined) throw new UsageError("--cluster takes the cluster's name at the edge");
  return {
    edgeUrl: edgeUrl(edge),
    cluster,
    adoptAll: values["adopt-all"],
    pushCertificates: values["push-certificates"],
    adoptClasses: new Set(values["adopt-class"]),
    token: await agentToken(values, cluster),
    listen: listenOf(values.listen),
    from: await fromOf(values),
    log: (line) => console.error(line),
  };
}

function listenOf(value: string | undefined): SyncOptions["listen"] {
  if (value === undefined) return undefined;
  const [, ipv6, host, port] = /^(?:(?:\[(.+)\]|([^:]+)):)?(\d{1,5})$/.exec(value) ?? [];
  if (port === undefined || Number(port) > 65_535) throw new UsageError("--listen takes a port, or HOST:PORT");
  return { host: ipv6 ?? host ?? "::", port: Number(port) };
}

async function fromOf(values: Values): Promise<SyncOptions["from"]> {
  const { manifests } = values;
  const others = (["kubeconfig", "context", "leader-election", "edge-hostname"] as const).filter(
    (name) => values[name],
  );
  if (manifests !== undefined) {
    if (others.length > 0) throw new UsageError(`--${others[0]} is for a cluster, not for --manifests`);
    return { directory: resolve(manifests) };
  }
  const lease = leaseOf(values["leader-election"]);
  return {
    access: await accessOf(values),
    // Kubernetes gives a Pod its name for a host name.
    identity: `${hostname()}-${process.pid}`,
    edgeAddress: values["edge-hostname"],
    lease,
  };
}

function leaseOf(value: string | undefined): { readonly namespace: string; readonly name: string } | undefined {
  if (value === undefined) return undefined;
  const [namespace, name, more] = value.split("/");
  if (!namespace || !name || more !== undefined) throw new UsageError("--leader-election takes NAMESPACE/NAME");
  return { namespace, name };
}

async function accessOf({ kubeconfig, context }: Values): Promise<Access> {
  const { defaultKubeconfig, inClusterAccess, kubeconfigAccess } = await import("../../kube-sync/cluster/access.ts");
  const inCluster = kubeconfig === undefined && context === undefined ? await inClusterAccess() : undefined;
  return inCluster ?? (await kubeconfigAccess(kubeconfig ?? defaultKubeconfig(), context));
}
