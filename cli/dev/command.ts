/** The command line of `edgeway dev`. */
import { parseArgs } from "node:util";
import { parseManifests } from "../manifests.ts";
import { UsageError } from "../usage.ts";
import type { Dev, DevOptions } from "./dev.ts";
import { stopRequested } from "./stop.ts";
import { exampleCommands } from "./try.ts";

const help = `Usage: edgeway dev [OPTION]...

Runs Edgeway on this machine: the Worker in workerd, Cloudflare's front before it,
and for each cluster of the examples its services and a kube-sync agent.

Options:
  --port N                     TLS port: HTTP/2 and HTTP/1.1 (8443)
  --http-port N                port in the clear: HTTP/2 and HTTP/1.1 (8080)
  --manifests [CLUSTER=]DIR    serve a directory of YAML, watched, as a cluster's objects,
                               instead of the examples' own; repeatable; CLUSTER is the
                               directory's name unless given
  --no-examples                start no example services, and serve none of their manifests`;

/** How long stopping may take, a start that is under way included, before the process ends anyway. */
const stopMs = 5000;

export const devCommand = { summary: "run Edgeway on this machine, with examples", help, run };

async function run(args: readonly string[]): Promise<number> {
  const options = parse(args);
  const stop = stopRequested();
  void stop.then(() => setTimeout(() => process.exit(1), stopMs).unref());
  // Only now: what it brings along takes a second to load.
  const { startDev } = await import("./dev.ts");
  const dev = await startDev({ ...options, log: (line) => console.error(line) });
  console.log(welcome(dev, options.examples && !options.manifests));
  if (!options.examples && options.manifests === undefined)
    console.error("there is nothing to serve: --manifests DIR names a directory of YAML");
  await stop;
  await dev.close();
  return 0;
}

function welcome(dev: Dev, withExamples: boolean): string {
  const ready = `edgeway ready https://localhost:${dev.tlsPort}
in the clear: http://localhost:${dev.clearPort}
console: http://localhost:${dev.clearPort}/_edgeway/#token=${dev.consoleToken}`;
  if (!withExamples) return ready;
  return `${ready}\n\nTry:\n${exampleCommands(dev)
    .map((line) => `  ${line}\n`)
    .join("")}`;
}

function parse(args: readonly string[]): Omit<DevOptions, "log"> {
  const values = parseOptions(args);
  return {
    tlsPort: parsePort("--port", values.port),
    clearPort: parsePort("--http-port", values["http-port"]),
    examples: !values["no-examples"],
    manifests: values.manifests && parseManifests(values.manifests),
  };
}

function parseOptions(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        port: { type: "string", default: "8443" },
        "http-port": { type: "string", default: "8080" },
        manifests: { type: "string", multiple: true },
        "no-examples": { type: "boolean", default: false },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message.replace(/\. .*/s, "") : String(error));
  }
}

function parsePort(option: string, value: string): number {
  if (!/^\d{1,5}$/.test(value) || Number(value) > 65_535) {
    throw new UsageError(`${option} takes a port number, not ${JSON.stringify(value)}`);
  }
  return Number(value);
}
