/** `edgeway serve`. */
import { help, parseServeOptions, type ServeOptions } from "./options.ts";
import type { Serve } from "./serve.ts";

export const serveCommand = { summary: "run the edge on this machine", help, run };

async function run(args: readonly string[]): Promise<number> {
  const options = parseServeOptions(args);
  const syncToken = process.env["EDGEWAY_SYNC_TOKEN"] || undefined;
  const log = (line: string): void => console.error(`edgeway: ${line}`);
  // Only now: what it brings along takes a while to load.
  const { startServe } = await import("./serve.ts");
  const serve = await startServe(options, { syncToken, log });
  console.log(welcome(options, serve));
  if (syncToken === undefined && options.clusters === undefined)
    log("nobody can push a route table: set EDGEWAY_SYNC_TOKEN, or name the clusters with --clusters");
  if (options.https.length > 0 && !serve.hasCertificate)
    log(
      "no certificate yet: TLS callers are refused until an agent pushes one (--push-certificates) or --tls-cert is given",
    );
  process.on("SIGHUP", () => {
    log("reloading");
    serve.reload().then(
      () => log("reloaded"),
      (error: Error) => log(`cannot reload: ${error.message}`),
    );
  });
  await asked();
  log("draining");
  void asked().then(() => serve.end());
  await serve.drain();
  return 0;
}

/** Resolves at the next signal to stop. */
function asked(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => resolve());
  });
}

function welcome({ http, https, admin }: ServeOptions, { ports, adminPort }: Serve): string {
  const lines = [...http.map(() => "http"), ...https.map(() => "https")].map(
    (scheme, i) => `edgeway ready ${scheme}://${nameOf([...http, ...https][i]!.host)}:${ports[i]}`,
  );
  if (admin !== undefined) lines.push(`edgeway admin http://${nameOf(admin.host)}:${adminPort}/_edgeway/`);
  return lines.join("\n");
}

function nameOf(host: string): string {
  if (host === "::" || host === "0.0.0.0") return "localhost";
  return host.includes(":") ? `[${host}]` : host;
}
