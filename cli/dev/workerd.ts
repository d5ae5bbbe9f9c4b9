/** workerd with the Worker as wrangler.toml describes it: the same code and bindings as on Cloudflare. */
import { fileURLToPath } from "node:url";
import { build, stop as stopEsbuild } from "esbuild";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { unstable_getMiniflareWorkerOptions as readWranglerConfig } from "wrangler";
import { watchChildren } from "./orphans.ts";

export interface Workerd {
  readonly host: string;
  readonly port: number;
  close(): Promise<void>;
}

export interface WorkerdOptions {
  /** Bindings besides those of wrangler.toml: what are secrets on Cloudflare. */
  readonly secrets: Readonly<Record<string, string>>;
  /** Takes each line that the Worker or workerd logs. */
  readonly log: (line: string) => void;
}

const configPath = fileURLToPath(new URL("../../wrangler.toml", import.meta.url));
const host = "127.0.0.1";

export async function startWorkerd({ secrets, log }: WorkerdOptions): Promise<Workerd> {
  const { main, define, workerOptions } = readWranglerConfig(configPath);
  const script = await bundle(main!, define);
  const orphans = watchChildren("workerd");
  const removeSignalListeners = rememberSignalListeners();
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      ...workerOptions,
      modules: [{ type: "ESModule", path: "worker.js", contents: script }],
      bindings: Object.assign({}, workerOptions.bindings, secrets),
      // A listener of workerd's own: the other one is behind a proxy of Miniflare's.
      unsafeDirectSockets: [{ host, port: 0 }],
      host,
      // Else it is fetched from the network.
      cf: false,
      handleStructuredLogs: ({ message }) => log(message),
    }),
  );
  try {
    const { port } = await miniflare.unsafeGetDirectURL();
    removeSignalListeners();
    return {
      host,
      port: Number(port),
      async close() {
        await miniflare.dispose();
        orphans.close();
      },
    };
  } catch (error) {
    await miniflare.dispose();
    orphans.close();
    throw error;
  }
}

/**
 * Miniflare ends the process at a signal, even if others have yet to close; that is for the command to decide. Returns
 * what takes off the listeners added since.
 */
function rememberSignalListeners(): () => void {
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  const before = new Set(signals.flatMap((signal) => process.listeners(signal)));
  return () => {
    for (const signal of signals) {
      for (const listener of process.listeners(signal)) if (!before.has(listener)) process.off(signal, listener);
    }
  };
}

async function bundle(entry: string, define: Record<string, string>): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [entry],
    define,
    bundle: true,
    write: false,
    format: "esm",
    target: "es2024",
    conditions: ["workerd", "worker", "browser"],
    external: ["cloudflare:*", "node:*"],
    sourcemap: "inline",
    logLevel: "silent",
  });
  await stopEsbuild();
  return outputFiles[0]!.text;
}
