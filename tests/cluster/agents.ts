/** `edgeway sync` as a process, with the rights that its manifests give it. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { until } from "../e2e/until.ts";
import { run } from "../dev/cli.ts";
import type { ControlPlane } from "./control-plane.ts";
import { type TestEdge, token } from "./edge.ts";

export const edgeHostname = "edge.example.net";

/** The path of one of the manifests that come with the agent. */
export function manifest(name: string): string {
  return fileURLToPath(new URL(`../../kube-sync/deploy/manifests/${name}`, import.meta.url));
}

export interface SyncProcess {
  readonly pid: number;
  /** What it said so far. */
  readonly said: () => string;
  /** Resolves to the status of /readyz and its reason. */
  readyz(): Promise<{ readonly status: number; readonly text: string }>;
  /** Resolves to a metric's value; 0 if it has none. */
  metric(name: string): Promise<number>;
  /** Resolves to the exit code, or to the signal that ended it. */
  stop(signal?: NodeJS.Signals): Promise<number | NodeJS.Signals>;
}

/** Creates the agent's ServiceAccount with its rights, and resolves to a kubeconfig of it at `port`. */
export async function agentKubeconfig(cluster: ControlPlane, port = cluster.port): Promise<string> {
  await cluster.kubectl(["apply", "-f", manifest("rbac.yaml")]);
  const tokenFile = join(cluster.folder, "agent-token");
  const minted = await cluster.kubectl(["create", "token", "kube-sync", "--namespace", "edgeway-system"]);
  await writeFile(tokenFile, minted);
  return await cluster.kubeconfigFor({ tokenFile }, port);
}

export async function startSyncProcess(
  kubeconfig: string,
  edge: Pick<TestEdge, "url">,
  ...more: readonly string[]
): Promise<SyncProcess> {
  const tokenFile = `${kubeconfig}.edge-token`;
  await writeFile(tokenFile, `${token}\n`);
  const {
    process: child,
    stderr,
    exited,
  } = run(
    "cli/main.ts",
    "sync",
    `--edge=${edge.url}`,
    `--token-file=${tokenFile}`,
    `--kubeconfig=${kubeconfig}`,
    `--edge-hostname=${edgeHostname}`,
    "--listen=127.0.0.1:0",
    ...(more.some((option) => option.startsWith("--cluster=")) ? more : ["--cluster=east", ...more]),
  );
  const port = () => /health and metrics at port (\d+)/.exec(stderr())?.[1];
  await until(
    () => port() !== undefined,
    () => `edgeway sync listens; it said ${stderr()}`,
  );
  const get = (path: string) => fetch(`http://127.0.0.1:${port()}${path}`);
  return {
    pid: child.pid!,
    said: stderr,
    async readyz() {
      const answer = await get("/readyz");
      return { status: answer.status, text: await answer.text() };
    },
    async metric(name) {
      const text = await (await get("/metrics")).text();
      const line = text.split("\n").find((each) => each.startsWith(`${name} `));
      return Number(line?.slice(name.length + 1) ?? 0);
    },
    stop(signal = "SIGTERM") {
      child.kill(signal);
      return exited;
    },
  };
}
