/** workerd with the Worker as wrangler.toml describes it: the same code and bindings as on Cloudflare. */
import { fileURLToPath } from "node:url";
import { stop as stopEsbuild } from "esbuild";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { unstable_getMiniflareWorkerOptions as readWranglerConfig } from "wrangler";
import { bundleWorker } from "../worker/bundle.ts";
import { watchChildren } from "./orphans.ts";

export interface Workerd {
  readonly host: string;
  readonly port: number;
  close(): Promise<void>;
}

export interface WorkerdOptions {
  /** Bindings besides those of wrangler.toml: what are secrets on Cloudflare. */
  readonly secrets: Readonly<Record<string, string>>;
  /** A directory in which what it stores outlives it. */
  readonly persist?: string;
  /** Bindings that connect to this machine's network, as those of a VPC Network do to another. */
  readonly networks?: readonly string[];
  /** A module in the place of the Worker's main one, which it may import from "./cloudflare.js": for tests. */
  readonly main?: string;
  /** Takes each line that the Worker or workerd logs. */
  readonly log: (line: string) => void;
}

const configPath = fileURLToPath(new URL("../../wrangler.toml", import.meta.url));
const host = "127.0.0.1";

export async function startWorkerd({ secrets, persist, networks = [], main, log }: WorkerdOptions): Promise<Workerd> {
  const { workerOptions } = readWranglerConfig(configPath);
  const { modules } = await bundleWorker(false);
  await stopEsbuild();
  const orphans = watchChildren("workerd");
  const removeSignalListeners = rememberSignalListeners();
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      ...workerOptions,
      modules: [...(main === undefined ? [] : [{ name: "main.js", text: main }]), ...modules].map(({ name, text }) => ({
        type: "ESModule",
        path: name,
        contents: text,
      })),
      serviceBindings: Object.fromEntries(
        networks.map((name) => [name, { network: { allow: ["public", "private"] } }]),
      ),
      bindings: Object.assign({}, workerOptions.bindings, secrets),
      // A listener of workerd's own: the other one is behind a proxy of Miniflare's.
      unsafeDirectSockets: [{ host, port: 0 }],
      host,
      ...(persist !== undefined && { resourcePersistencePath: persist }),
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
