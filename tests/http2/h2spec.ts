/**
 * `npm run h2spec`: the h2spec suite against the Node listener, over cleartext and TLS, and h2specd, its counterpart
 * for clients, against the engine's client. The tools are taken from PATH or .cache/go/bin, or installed there with Go.
 */
import { execFile } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { selfSigned } from "../../cli/dev/front/certificates.ts";
import { Certificates } from "../../worker/host/node-certificates.ts";
import { listen } from "../../worker/host/node-listener.ts";
import { goTool } from "../go-tool.ts";
import { answerAtEnd } from "./subjects.ts";

/** The commit that follows 2.6.0, else the newest release that Go can install by its number. */
const versions = ["af83a65f0b62", "v2.2.1+incompatible"];
/** h2specd opens a port per case from here on; below what systems hand out themselves. */
const firstClientPort = 20_000;

const find = (tool: string) =>
  goTool(
    tool,
    versions.map((version) => `github.com/summerwind/h2spec@${version}`),
  );

/** Runs a suite, prints what failed, and returns its summary line. */
async function run(title: string, tool: string, options: readonly string[]): Promise<string> {
  const output = await new Promise<string>((resolve) => {
    execFile(tool, options, { timeout: 300_000, maxBuffer: 1 << 26 }, (_error, stdout, stderr) => {
      resolve(stdout + stderr);
    });
  });
  const lines = output.split("\n");
  for (const line of lines) if (/×|Expected:|Actual:/.test(line)) console.log(line);
  const summary = lines.findLast((line) => /\d+ tests?, \d+ passed/.test(line));
  if (summary === undefined) console.log(output);
  console.log(`${title}: ${summary ?? "no summary"}`);
  return summary ?? "no summary";
}

async function serverSuite(tls: boolean): Promise<string> {
  const certificates = tls ? new Certificates(await selfSigned()) : undefined;
  const server = await listen({ host: "127.0.0.1", port: 0, certificates, handlerFor: () => answerAtEnd });
  const options = ["-h", "127.0.0.1", "-p", String(server.port), "-o", "2", ...(tls ? ["-t", "-k"] : [])];
  const summary = await run(`server, ${tls ? "TLS" : "cleartext"}`, find("h2spec"), options);
  await server.close();
  return summary;
}

function clientSuite(): Promise<string> {
  const command = join(mkdtempSync(join(tmpdir(), "edgeway-h2spec-")), "client.sh");
  const client = fileURLToPath(new URL("h2spec-client.ts", import.meta.url));
  writeFileSync(command, `#!/bin/sh\nexec "${process.execPath}" "${client}" "$1"\n`, { mode: 0o755 });
  const options = ["-p", String(firstClientPort - 1), "-f", String(firstClientPort), "-o", "1", "-e", command];
  return run("client", find("h2specd"), options);
}

const summaries = [await clientSuite(), await serverSuite(false), await serverSuite(true)];
const count = (pattern: RegExp): number =>
  summaries.reduce((sum, summary) => sum + Number(pattern.exec(summary)?.[1] ?? Number.NaN), 0);
const [tests, passed, skipped, failed] = [/(\d+) tests?/, /(\d+) passed/, /(\d+) skipped/, /(\d+) failed/].map(count);
console.log(`${tests} tests, ${passed} passed, ${skipped} skipped, ${failed} failed`);
process.exit(passed === tests ? 0 : 1);
