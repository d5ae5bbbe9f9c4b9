/** CPU that workerd takes to start a Worker: what its modules take to be read, compiled and evaluated. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const workerd = fileURLToPath(new URL("../../node_modules/.bin/workerd", import.meta.url));

export interface Module {
  readonly name: string;
  readonly text: string;
}

/** Answers by itself, so that nothing but the others' evaluation is measured. */
const first = (imported: string): Module => ({
  name: "start.js",
  text: `${imported} export default { fetch: () => new Response() };`,
});

/**
 * Milliseconds of CPU, all threads, that `modules`, the main one first, take above a Worker of one line. Of CPU and not of
 * time, and the least of `rounds`: what else the machine does adds to each round, and never takes from it.
 */
export async function startupCpuMs(modules: readonly Module[], rounds: number): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "edgeway-startup-"));
  try {
    const empty = [first("")];
    const whole = [first(`import "./${modules[0]!.name}";`), ...modules];
    let least = Infinity;
    let floor = Infinity;
    for (let round = 0; round < rounds; round++) {
      // oxlint-disable-next-line no-await-in-loop -- one at a time
      least = Math.min(least, await cpuMsOf(whole, join(folder, `worker${round}`)));
      // oxlint-disable-next-line no-await-in-loop
      floor = Math.min(floor, await cpuMsOf(empty, join(folder, `empty${round}`)));
    }
    return least - floor;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function cpuMsOf(modules: readonly Module[], folder: string): Promise<number> {
  mkdirSync(folder);
  for (const { name, text } of modules) writeFileSync(join(folder, name), text);
  const port = await freePort();
  writeFileSync(join(folder, "config.capnp"), config(modules, port));
  const child = spawn(workerd, ["serve", join(folder, "config.capnp")], { stdio: ["ignore", "ignore", "inherit"] });
  try {
    await answers(port, child);
    return cpuMs(child.pid!);
  } finally {
    child.kill("SIGKILL");
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  }
}

function config(modules: readonly Module[], port: number): string {
  const embedded = modules.map(({ name }) => `(name = "${name}", esModule = embed "${name}")`);
  return `
using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .worker)],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")],
);
const worker :Workerd.Worker = (modules = [${embedded.join(", ")}], compatibilityDate = "2026-11-01");
`;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}

/** Modules are evaluated before the first answer. */
async function answers(port: number, child: ChildProcess): Promise<void> {
  for (const deadline = Date.now() + 20_000; Date.now() < deadline && child.exitCode === null;) {
    try {
      // oxlint-disable-next-line no-await-in-loop -- until it listens
      const { ok } = await fetch(`http://127.0.0.1:${port}/`);
      if (ok) return;
    } catch {
      // oxlint-disable-next-line no-await-in-loop
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  throw new Error("workerd does not answer");
}

/** Of all threads, from Linux's scheduler in nanoseconds. */
function cpuMs(pid: number): number {
  const tasks = `/proc/${pid}/task`;
  const nanoseconds = readdirSync(tasks).map((id) =>
    Number(readFileSync(`${tasks}/${id}/schedstat`, "utf8").split(" ")[0]),
  );
  return nanoseconds.reduce((sum, each) => sum + each, 0) / 1e6;
}
