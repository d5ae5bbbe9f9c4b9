/** `workerd serve`, with as much of wrangler.toml as a call needs: no proxy stands before it as in Miniflare. */
import { mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, stop as stopEsbuild } from "esbuild";
import { unstable_getMiniflareWorkerOptions as readWranglerConfig } from "wrangler";
import { connectEdge, Pusher } from "../../kube-sync/push.ts";
import type { ClusterTable } from "../../proto/gen/edgeway/v1/table_pb.js";
import { freePort, reachable, start, type Subject, subjectOf } from "./processes.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const workerd = join(root, "node_modules", ".bin", "workerd");

export interface WorkerOptions {
  /** The Worker's file, from the repository's root. */
  readonly main: string;
  /** Variables and secrets besides those of wrangler.toml. */
  readonly vars: Readonly<Record<string, string>>;
  /** Whether it has the Durable Objects of wrangler.toml. */
  readonly objects: boolean;
}

const token = "bench";

/** The Worker as it is deployed. */
export const edgewayWorker: WorkerOptions = {
  main: "worker/host/cloudflare.ts",
  vars: { EDGEWAY_SYNC_TOKEN: token },
  objects: true,
};

/** Starts a Worker on a port of its own, with its files in a folder of its own in `folder`. */
export async function startWorkerd(name: string, options: WorkerOptions, folder: string): Promise<Subject> {
  const port = await freePort();
  const config = await writeWorkerd(options, port, join(folder, name));
  const log = join(folder, `${name}.log`);
  const child = start(true, workerd, ["serve", config], openSync(log, "w"));
  if (!(await reachable(port))) throw new Error(`${name} does not listen: ${readFileSync(log, "utf8")}`);
  return subjectOf(name, child, { h2c: port, tls: 0 });
}

/** Gives `table` to the {@link edgewayWorker} at `port`. */
export async function pushTable(port: number, table: ClusterTable): Promise<void> {
  const { kind, ...outcome } = await new Pusher(connectEdge(`http://127.0.0.1:${port}`, token)).push(table);
  if (kind !== "accepted") throw new Error(`the table was ${kind}: ${JSON.stringify(outcome)}`);
}

/** As much of Miniflare's options as wrangler.toml is sure to give. */
interface WranglerOptions {
  readonly compatibilityDate: string;
  readonly compatibilityFlags: readonly string[];
  readonly bindings: Readonly<Record<string, string>>;
  readonly durableObjects: Readonly<Record<string, { readonly className: string }>>;
}

/** Writes what workerd serves at `port` to `folder`. Returns the configuration's file. */
async function writeWorkerd(options: WorkerOptions, port: number, folder: string): Promise<string> {
  mkdirSync(folder);
  await build({
    entryPoints: [join(root, options.main)],
    outfile: join(folder, "worker.js"),
    bundle: true,
    format: "esm",
    target: "es2024",
    minify: true,
    conditions: ["workerd", "worker", "browser"],
    external: ["cloudflare:*", "node:*"],
    logLevel: "error",
  });
  await stopEsbuild();
  const config = join(folder, "config.capnp");
  writeFileSync(config, capnp(options, port, folder));
  return config;
}

function capnp({ vars, objects }: WorkerOptions, port: number, folder: string): string {
  const { workerOptions } = readWranglerConfig(join(root, "wrangler.toml")) as unknown as {
    workerOptions: WranglerOptions;
  };
  const texts = Object.entries({ ...workerOptions.bindings, ...vars }).map(
    ([name, value]) => `(name = ${text(name)}, text = ${text(value)})`,
  );
  const classes = objects ? Object.entries(workerOptions.durableObjects) : [];
  const bindings = classes.map(
    ([name, { className }]) => `(name = ${text(name)}, durableObjectNamespace = (className = ${text(className)}))`,
  );
  const namespaces = classes.map(
    ([, { className }]) => `(className = ${text(className)}, uniqueKey = ${text(className)}, enableSql = true)`,
  );
  return `
using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .worker),
    (name = "internet", network = (allow = ["public", "private"])),
    (name = "objects", disk = (path = ${text(folder)}, writable = true)),
  ],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")],
);
const worker :Workerd.Worker = (
  modules = [(name = "worker.js", esModule = embed "worker.js")],
  compatibilityDate = ${text(workerOptions.compatibilityDate)},
  compatibilityFlags = [${workerOptions.compatibilityFlags.map(text).join(", ")}],
  bindings = [${[...texts, ...bindings].join(", ")}],
  durableObjectNamespaces = [${namespaces.join(", ")}],
  durableObjectStorage = (localDisk = "objects"),
);
`;
}

/** A text as Cap'n Proto writes it. */
function text(value: string): string {
  return `"${value.replace(/["\\]/g, "\\$&").replaceAll("\n", "\\n")}"`;
}
