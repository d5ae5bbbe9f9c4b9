/**
 * Edgeway on Deno Deploy, or on Deno anywhere: `deno run --allow-net --allow-env --allow-read --allow-write
 * worker/host/deno-main.ts`. Its settings are environment variables: see docs/deploy-deno.md.
 */
import process from "node:process";
import { type NamedFile, readCertificateFiles } from "./certificate-files.ts";
import { type DenoEdgeListener, startDenoEdge } from "./deno.ts";
import { openDenoHome } from "./deno-home.ts";
import { observeProcess } from "./process-observe.ts";

const setting = (name: string): string | undefined => process.env[name] || undefined;

function number(name: string): number | undefined {
  const text = setting(name);
  if (text === undefined) return undefined;
  if (!/^[0-9]{1,9}$/.test(text)) throw new Error(`${name} must be a whole number`);
  return Number(text);
}

function file(name: string): NamedFile | undefined {
  const path = setting(name);
  return path === undefined ? undefined : { setting: name, file: path };
}

/** One for gRPC-Web, Connect and HTTP; one more for native gRPC, where a port is set for it. */
function listeners(): DenoEdgeListener[] {
  const hostname = setting("EDGEWAY_HOST") ?? "0.0.0.0";
  const [chain, key] = [file("EDGEWAY_TLS_CERT"), file("EDGEWAY_TLS_KEY")];
  if ((chain === undefined) !== (key === undefined))
    throw new Error("EDGEWAY_TLS_CERT and EDGEWAY_TLS_KEY go together");
  const common = { hostname, ...(chain && key && { tls: readCertificateFiles(chain, key) }) };
  const grpcPort = number("EDGEWAY_GRPC_PORT");
  const first = { ...common, port: number("PORT") ?? 8000 };
  return grpcPort === undefined ? [first] : [first, { ...common, port: grpcPort, http2: true }];
}

async function main(): Promise<void> {
  const log = (line: string): void => console.error(`edgeway: ${line}`);
  const drainSeconds = number("EDGEWAY_DRAIN_SECONDS") ?? 30;
  const staleSeconds = number("EDGEWAY_STALE_SECONDS");
  const consoleToken = setting("EDGEWAY_CONSOLE_TOKEN");
  const home = await openDenoHome({
    syncToken: setting("EDGEWAY_SYNC_TOKEN"),
    clusters: setting("EDGEWAY_CLUSTERS"),
    staleMs: staleSeconds && staleSeconds * 1000,
    consoleToken,
    database: setting("EDGEWAY_DATABASE") ?? "edgeway.db",
    log,
  });
  const edge = startDenoEdge({
    listeners: listeners(),
    table: () => home.table(),
    descriptorSet: (hash) => home.descriptorSet(hash),
    admin: home.admin,
    inspectToken: consoleToken,
    observe: observeProcess({
      settings: process.env,
      source: `deno-${crypto.randomUUID()}`,
      report: consoleToken ? (report) => home.traffic.add(report) : undefined,
      writeLine: (line) => console.log(line),
    }),
  });
  log(`listening on ${edge.ports.join(" and ")}; the table is in ${home.storage}`);
  if (setting("EDGEWAY_SYNC_TOKEN") === undefined && setting("EDGEWAY_CLUSTERS") === undefined)
    log("nobody can push a route table: set EDGEWAY_SYNC_TOKEN, or name the clusters with EDGEWAY_CLUSTERS");
  const exit = (): void => process.exit(0);
  let draining = false;
  const stop = (): void => {
    if (draining) return exit();
    draining = true;
    log("draining");
    home.release();
    setTimeout(exit, drainSeconds * 1000);
    void edge.drain().then(exit);
  };
  Deno.addSignalListener("SIGTERM", stop);
  Deno.addSignalListener("SIGINT", stop);
}

try {
  await main();
} catch (error) {
  console.error(`edgeway: ${(error as Error).message}`);
  process.exit(1);
}
