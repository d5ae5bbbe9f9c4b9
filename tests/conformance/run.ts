/**
 * `npm run conformance -- --host node|workerd|deno [--run PATTERN]...`: the Connect conformance suite
 * (github.com/connectrpc/conformance) with Edgeway on the host before the suite's own server. The last line says how many
 * cases passed and failed, and how many the host's conf leaves out.
 */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { edges } from "./edges.ts";
import { findTool } from "./tools.ts";

/** Cases of conf/node.yaml, which leaves nothing out. */
const allCases = 3780;
/** The suite has no limit for a case that hangs. */
const limitMs = 900_000;

const local = (path: string) => fileURLToPath(new URL(path, import.meta.url));

const { values } = parseArgs({
  options: { host: { type: "string", default: "node" }, run: { type: "string", multiple: true, default: [] } },
});
const { host } = values;
if (!Object.hasOwn(edges, host)) {
  console.error(`conformance: --host is one of ${Object.keys(edges).join(", ")}, not ${host}`);
  process.exit(1);
}

const output = await run(findTool("connectconformance"), [
  ...["--mode", "server", "--conf", local(`conf/${host}.yaml`)],
  ...values.run.flatMap((pattern) => ["--run", pattern]),
  ...["--", process.execPath, local("server.ts"), host, findTool("referenceserver")],
]);
const [, passed, failed] = /^(\d+) passed, (\d+) failed/m.exec(output) ?? [];
if (passed === undefined || failed === undefined) {
  console.error("conformance: the suite came to no end");
  process.exit(1);
}
console.log(`${passed} passed, ${failed} failed, ${allCases - Number(passed) - Number(failed)} excluded`);
process.exit(Number(failed) === 0 ? 0 : 1);

/** Runs a program to its end, and returns what it wrote, which is shown as it comes. */
function run(program: string, options: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, options, { stdio: ["ignore", "pipe", "inherit"], timeout: limitMs });
    let written = "";
    child.stdout.on("data", (chunk: Buffer) => {
      process.stdout.write(chunk);
      written += chunk.toString();
    });
    child.once("error", reject);
    child.once("close", () => resolve(written));
  });
}
