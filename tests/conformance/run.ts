/**
 * `npm run conformance -- --host node|workerd|deno`: the Connect conformance suite (github.com/connectrpc/conformance)
 * with Edgeway on that host before the suite's own server. The last line says how many cases passed and failed, and how
 * many the host's conf leaves out.
 *
 * --mode client puts Edgeway between the suite's client, which speaks --protocol, and the suite's server in the role of an
 * origin that misbehaves. --run PATTERN, repeatable, picks cases.
 */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { edges } from "../edges/edges.ts";
import { Protocol } from "./messages.ts";
import { findTool } from "./tools.ts";

/** Cases of server-node.yaml and client-node.yaml, which leave nothing out. */
const allCases: Readonly<Record<string, number>> = { server: 3780, client: 403 };
/** The suite has no limit for a case that hangs. */
const limitMs = 900_000;

const local = (path: string) => fileURLToPath(new URL(path, import.meta.url));

const { values } = parseArgs({
  options: {
    host: { type: "string", default: "node" },
    mode: { type: "string", default: "server" },
    protocol: { type: "string", default: "GRPC" },
    run: { type: "string", multiple: true, default: [] },
  },
});
const { host, mode, protocol } = values;
mustBeOneOf("host", host, edges);
mustBeOneOf("mode", mode, allCases);
mustBeOneOf("protocol", protocol, Protocol);

const underTest =
  mode === "server"
    ? [local("server.ts"), host, findTool("referenceserver")]
    : [local("client.ts"), host, protocol, findTool("referenceclient")];
const output = await run(findTool("connectconformance"), [
  ...["--mode", mode, "--conf", local(`conf/${mode}-${host}.yaml`)],
  ...values.run.flatMap((pattern) => ["--run", pattern]),
  ...["--", process.execPath, ...underTest],
]);
const [, passed, failed] = /^(\d+) passed, (\d+) failed/m.exec(output) ?? [];
if (passed === undefined || failed === undefined) {
  console.error("conformance: the suite came to no end");
  process.exit(1);
}
console.log(`${passed} passed, ${failed} failed, ${allCases[mode]! - Number(passed) - Number(failed)} excluded`);
process.exit(Number(failed) === 0 ? 0 : 1);

function mustBeOneOf(option: string, value: string, choices: object): void {
  if (Object.hasOwn(choices, value)) return;
  console.error(`conformance: --${option} is one of ${Object.keys(choices).join(", ")}, not ${value}`);
  process.exit(1);
}

/** Runs a program to its end, and returns what it wrote, which is shown as it comes. */
function run(program: string, options: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, options, { stdio: ["ignore", "pipe", "inherit"], timeout: limitMs });
    for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, () => child.kill());
    let written = "";
    child.stdout.on("data", (chunk: Buffer) => {
      process.stdout.write(chunk);
      written += chunk.toString();
    });
    child.once("error", reject);
    child.once("close", () => resolve(written));
  });
}
