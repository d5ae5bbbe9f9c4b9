/**
 * `npm run conformance -- --host node|workerd|deno`: the Connect conformance suite (github.com/connectrpc/conformance)
 * with Edgeway on that host before the suite's own server. The last line says how many cases passed and failed, and how
 * many the host's conf leaves out.
 *
 * --origin-protocol GRPC_WEB|CONNECT has the suite's server speak that alone, over HTTP/2 unless --origin-http 1 is given.
 * --origin grpcserver takes the suite's grpc-go server instead, which knows no JSON: that is translated (Node only).
 * --mode client puts Edgeway between the suite's client, which speaks --protocol, and the suite's server in the role of an
 * origin that misbehaves (Node only). --run PATTERN, repeatable, picks cases.
 */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { edges } from "../edges/edges.ts";
import { Protocol } from "./messages.ts";
import { buildDescriptors, findTool } from "./tools.ts";

/** Cases of each conf if it left nothing out. */
const allCases: Readonly<Record<string, number>> = {
  "server-node": 8952,
  "client-node": 403,
  "client-node-connect": 482,
  "client-node-grpc_web": 792,
};
const mostCases = 3780;
/** The suite has no limit for a case that hangs. */
const limitMs = 900_000;

const local = (path: string) => fileURLToPath(new URL(path, import.meta.url));

const { values } = parseArgs({
  options: {
    host: { type: "string", default: "node" },
    mode: { type: "string", default: "server" },
    origin: { type: "string", default: "referenceserver" },
    "origin-protocol": { type: "string", default: "GRPC" },
    "origin-http": { type: "string", default: "2" },
    protocol: { type: "string", default: "GRPC" },
    run: { type: "string", multiple: true, default: [] },
  },
});
const { host, mode, origin, protocol, "origin-protocol": originProtocol, "origin-http": originHttp } = values;
mustBeOneOf("host", host, Object.keys(edges));
mustBeOneOf("mode", mode, ["server", "client"]);
mustBeOneOf("origin", origin, ["referenceserver", "grpcserver"]);
mustBeOneOf("protocol", protocol, Object.keys(Protocol));
mustBeOneOf("origin-protocol", originProtocol, Object.keys(Protocol));
mustBeOneOf("origin-http", originHttp, ["1", "2"]);

const conf = confName();
const output = await run(findTool("connectconformance"), [
  "--mode",
  mode,
  ...suiteOptions(),
  ...values.run.flatMap((pattern) => ["--run", pattern]),
  "--",
  process.execPath,
  ...underTest(),
]);
const [, passed, failed] = /^(\d+) passed, (\d+) failed/m.exec(output) ?? [];
if (passed === undefined || failed === undefined) {
  console.error("conformance: the suite came to no end");
  process.exit(1);
}
const all = allCases[conf] ?? mostCases;
console.log(`${passed} passed, ${failed} failed, ${all - Number(passed) - Number(failed)} excluded`);
process.exit(Number(failed) === 0 ? 0 : 1);

function suiteOptions(): string[] {
  const options = ["--conf", local(`conf/${conf}.yaml`)];
  // What its authors list for it themselves.
  if (origin === "grpcserver") options.push("--known-failing", `@${local(`conf/${conf}-known-failing.txt`)}`);
  // The runner waits ten seconds for a server, which four of workerd and its front may take when they start together.
  return host === "workerd" ? [...options, "--max-servers", "2"] : options;
}

/** The name of the file that says which cases there are. */
function confName(): string {
  if (origin === "grpcserver") return "server-grpcserver";
  if (mode === "server") return `server-${host}${originHttp === "1" ? "-http1-origin" : ""}`;
  return `client-${host}${originProtocol === "GRPC" ? "" : `-${originProtocol.toLowerCase()}`}`;
}

/** The program under test and its arguments. */
function underTest(): string[] {
  // By descriptors JSON is translated for grpc-go, and a gRPC call to a Connect origin known for a stream.
  const descriptors = origin === "grpcserver" || originProtocol === "CONNECT" ? [buildDescriptors()] : [];
  return mode === "client"
    ? [local("client.ts"), host, protocol, findTool("referenceclient"), ...descriptors]
    : [local("server.ts"), host, findTool(origin), originProtocol, originHttp, ...descriptors];
}

function mustBeOneOf(option: string, value: string, choices: readonly string[]): void {
  if (choices.includes(value)) return;
  console.error(`conformance: --${option} is one of ${choices.join(", ")}, not ${value}`);
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
