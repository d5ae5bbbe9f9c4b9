/** The whole edge, with its authority and its console, on each of its hosts; and the commands that ask it. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { startWorkerd } from "../../cli/dev/workerd.ts";
import { connectEdge, Pusher } from "../../kube-sync/push.ts";
import { ClusterTableSchema } from "../../proto/gen/edgeway/v1/table_pb.js";
import { type DenoMain, startDenoMain } from "../deno/main.ts";
import { run } from "../dev/cli.ts";
import { runServe, token } from "../serve/serve.ts";

const consoleToken = "the-console-of-a-test";

interface Settings {
  /** Hostnames by cluster. */
  readonly grants: Readonly<Record<string, readonly string[]>>;
  readonly staleSeconds?: number;
}

export interface WholeEdge extends AsyncDisposable {
  readonly url: string;
  /** What it has logged. */
  readonly log: () => string;
  /** Throws if it is not accepted. */
  push(table: MessageInitShape<typeof ClusterTableSchema>): Promise<void>;
  /** Runs a command that asks the edge. */
  ask(
    ...args: string[]
  ): Promise<{ readonly code: number | NodeJS.Signals; readonly out: string; readonly err: string }>;
}

type Start = (env: Readonly<Record<string, string>>, directory: string) => Promise<Started>;

interface Started {
  readonly url: string;
  readonly log: () => string;
  readonly stop: () => Promise<unknown>;
}

const hosts: Readonly<Record<string, Start>> = {
  async node({ EDGEWAY_CLUSTERS, EDGEWAY_STALE_SECONDS, ...env }, directory) {
    await writeFile(join(directory, "clusters.json"), EDGEWAY_CLUSTERS!);
    Object.assign(process.env, env);
    const args = ["--clusters", join(directory, "clusters.json"), "--stale-seconds", EDGEWAY_STALE_SECONDS!];
    const serve = await runServe(args);
    delete process.env["EDGEWAY_CONSOLE_TOKEN"];
    return { url: `http://127.0.0.1:${serve.ports[0]}`, log: serve.stderr, stop: () => serve[Symbol.asyncDispose]() };
  },
  async workerd(env) {
    const lines: string[] = [];
    const workerd = await startWorkerd({ secrets: env, log: (line) => lines.push(line) });
    return { url: `http://${workerd.host}:${workerd.port}`, log: () => lines.join("\n"), stop: () => workerd.close() };
  },
  async deno(env, directory) {
    return withLog(await startDenoMain({ ...env, EDGEWAY_DATABASE: join(directory, "table.db") }, []));
  },
  async "deno with KV"(env, directory) {
    return withLog(await startDenoMain({ ...env, DENO_DIR: directory }, ["--unstable-kv"]));
  },
};

function withLog(edge: DenoMain): Started {
  return { url: edge.url, log: edge.stderr, stop: () => edge.stop() };
}

export const wholeHosts = Object.keys(hosts);

/** Starts the edge; `EDGEWAY_SYNC_TOKEN` lets the commands push, too. */
export async function startWhole(host: string, { grants, staleSeconds = 300 }: Settings): Promise<WholeEdge> {
  const clusters = Object.entries(grants).map(([name, hostnames]) => ({
    name,
    audience: "edge",
    issuer: `https://${name}.test`,
    subject: "system:serviceaccount:edgeway:kube-sync",
    hostnames,
  }));
  const directory = await mkdtemp(join(tmpdir(), "edgeway-whole-"));
  await writeFile(join(directory, "token"), `${consoleToken}\n`);
  await writeFile(join(directory, "sync-token"), `${token}\n`);
  const env = {
    EDGEWAY_SYNC_TOKEN: token,
    EDGEWAY_CONSOLE_TOKEN: consoleToken,
    EDGEWAY_CLUSTERS: JSON.stringify(clusters),
    EDGEWAY_STALE_SECONDS: String(staleSeconds),
  };
  const { url, log, stop } = await hosts[host]!(env, directory);
  return {
    url,
    log,
    async push(table) {
      const outcome = await new Pusher(connectEdge(url, token)).push(create(ClusterTableSchema, table));
      if (outcome.kind !== "accepted") throw new Error(`${outcome.kind}: ${outcome.reason}`);
    },
    async ask(command, ...args) {
      const file = join(directory, command === "forget" ? "sync-token" : "token");
      const running = run("cli/main.ts", command, ...args, "--edge", url, "--token-file", file);
      const code = await running.exited;
      return { code, out: running.stdout(), err: running.stderr() };
    },
    async [Symbol.asyncDispose]() {
      await stop();
      await rm(directory, { recursive: true });
    },
  };
}
