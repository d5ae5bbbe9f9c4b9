/** The commands of docs/deploy-node.md and docs/install-in-a-cluster.md, run as they stand there but for ports and folders. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { root } from "../dev/cli.ts";
import { until } from "../e2e/until.ts";
import { findTool } from "../go-tool.ts";
import { blocksOf, commandsOf, read, section } from "./markdown.ts";

const nodeGuide = read("docs/deploy-node.md");
const [serve, sync, call] = blocksOf(nodeGuide).flatMap(({ language, text }) =>
  language === "sh" ? commandsOf(text) : [],
);
const identities = blocksOf(section(read("docs/install-in-a-cluster.md"), "Identities"));

let folder: string;
let running: AsyncDisposableStack;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "edgeway-guide-"));
  running = new AsyncDisposableStack();
  running.defer(() => rmSync(folder, { recursive: true }));
});
afterEach(() => running.disposeAsync());

/** Runs a command of a guide until it has said what `said` matches. Resolves to the match. */
async function start(command: string, said: RegExp): Promise<RegExpExecArray> {
  const own = command.replace("npm run edgeway --", `exec ${process.execPath} cli/main.ts`);
  const child = spawn("/bin/sh", ["-c", own], { cwd: root });
  const exited = once(child, "exit");
  running.defer(async () => {
    child.kill("SIGTERM");
    await exited;
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += String(chunk)));
  await until(
    () => said.test(output) || child.exitCode !== null,
    () => output,
    20_000,
  );
  const match = said.exec(output);
  if (match === null) throw new Error(output);
  return match;
}

async function startServe(command: string): Promise<string> {
  const free = command.replace(":8080", "127.0.0.1:0").replace(":8443", "127.0.0.1:0");
  const [, port] = await start(
    free.replace("edgeway-data", join(folder, "data")),
    /^edgeway ready http:\/\/127\.0\.0\.1:(\d+)$/m,
  );
  return `localhost:${port}`;
}

test("an edge on a machine of one's own takes what an agent pushes", async () => {
  const edge = await startServe(serve!);
  await start(sync!.replace("localhost:8080", edge), /^hello: revision 1 is live: 1 route$/m);
  expect((await fetch(`http://${edge}/_edgeway/healthz`)).status).toBe(200);
  const response = await fetch(call!.replace("curl ", "").replace("localhost:8080", edge));
  expect(await response.text()).toBe("hello from the edge");
});

const openssl = findTool("openssl");

test.skipIf(openssl === undefined)(
  "an agent with a key pair of its own is known by it (skipped without openssl)",
  async () => {
    const making = identities
      .flatMap(({ text }) => commandsOf(text))
      .filter((command) => command.startsWith("openssl"));
    expect(making).toHaveLength(2);
    const [, publicKey] = making.map((command) =>
      execFileSync("/bin/sh", ["-c", command], { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }),
    );
    const list = identities.find(({ text }) => text.includes("publicKey"))!.text;
    const [entry] = JSON.parse(list) as [object];
    writeFileSync(join(folder, "clusters.json"), JSON.stringify([{ ...entry, publicKey, hostnames: ["*"] }]));
    const edge = await startServe(`${serve!.replace(/^\S+ /, "")} --clusters ${join(folder, "clusters.json")}`);
    const withKey = sync!
      .replace(/^\S+ /, "")
      .replace("localhost:8080", edge)
      .replace("--cluster hello", "--cluster east");
    await start(
      `${withKey} --key-file ${join(folder, "key.pem")} --audience edgeway`,
      /^east: revision 1 is live: 1 route$/m,
    );
  },
);
