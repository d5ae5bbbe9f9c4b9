/** `workerd serve`, with as much of wrangler.toml as a call needs: no proxy stands before it as in Miniflare. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, stop as stopEsbuild } from "esbuild";
import { unstable_getMiniflareWorkerOptions as readWranglerConfig } from "wrangler";

const root = fileURLToPath(new URL("../..", import.meta.url));
export const workerd = join(root, "node_modules", ".bin", "workerd");

export interface WorkerOptions {
  /** The Worker's file, from the repository's root. */
  readonly main: string;
  /** Variables and secrets besides those of wrangler.toml. */
  readonly vars: Readonly<Record<string, string>>;
  /** Whether it has the Durable Objects of wrangler.toml. */
  readonly objects: boolean;
}

/** As much of Miniflare's options as wrangler.toml is sure to give. */
interface WranglerOptions {
  readonly compatibilityDate: string;
  readonly compatibilityFlags: readonly string[];
  readonly bindings: Readonly<Record<string, string>>;
  readonly durableObjects: Readonly<Record<string, { readonly className: string }>>;
}

/** Writes what workerd serves at `port` to `folder`. Returns the configuration's file. */
export async function writeWorkerd(options: WorkerOptions, port: number, folder: string): Promise<string> {
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
  const { workerOptions } = readWranglerConfig(join(root, "wrangler.toml")) as { workerOptions: WranglerOptions };
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
