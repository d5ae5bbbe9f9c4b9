/** Processes of a bench: each of those compared has a core of its own where there are two, and is asked by messages. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants, readdirSync, readFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { cpus } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { portOf } from "../http2/subjects.ts";
import type { Ports, Setting } from "./gateway-peer.ts";

/** A running gateway, or the origin itself. */
export interface Subject {
  readonly name: string;
  readonly ports: Ports;
  /** Processor time that it and its children took so far, microseconds. */
  cpuMicros(): number;
  /** Memory that it holds now, bytes (VmRSS of man proc_pid_status). */
  rss(): number;
}

/** Cores: the gateway has one, the calls and the origin the other. Undefined where there is no choice. */
const cores = cpus().length > 1 && find("taskset") !== undefined ? { gateway: "1", others: "0" } : undefined;

/** How the processes are kept apart, for the report's reader. */
export const pinning =
  cores === undefined
    ? "processes share the cores"
    : `gateways on core ${cores.gateway}, calls and origin on core ${cores.others}`;

const started = new Set<ChildProcess>();
process.once("exit", () => started.forEach((child) => child.kill()));

const startMs = 10_000;
/** The unit of processor time in /proc (USER_HZ). */
const tickMicros = 10_000;

/** The next message of `child`. Rejects if it ends before; `name` says who. */
export function answerOf<T>(child: ChildProcess, name: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const ended = (): void => reject(new Error(`${name} ended`));
    child.once("exit", ended);
    child.once("message", (message) => {
      child.off("exit", ended);
      resolve(message as T);
    });
  });
}

/** A peer of gateway-peer.ts; `ports` are those of one that listens. */
export async function startPeer(
  role: string,
  setting: Setting,
): Promise<{ readonly child: ChildProcess; readonly ports: Ports }> {
  const gateway = role === "edgeway" || role === "node:http2";
  const script = fileURLToPath(new URL("gateway-peer.ts", import.meta.url));
  const child = start(gateway, process.execPath, [script, role, JSON.stringify(setting)], "inherit");
  return { child, ports: await answerOf<Ports>(child, role) };
}

/** The subject that a peer is. */
export function subjectOf(name: string, child: ChildProcess, ports: Ports): Subject {
  return { name, ports, cpuMicros: () => cpuOf(child.pid!), rss: () => rssOf(child.pid!) };
}

/** Starts a program; `errors` is where its standard error goes. */
export function start(
  gateway: boolean,
  path: string,
  args: readonly string[],
  errors: "inherit" | number,
  env?: Readonly<Record<string, string>>,
): ChildProcess {
  const pin = cores === undefined ? [] : ["taskset", "-c", gateway ? cores.gateway : cores.others];
  const [command, ...rest] = [...pin, path, ...args] as [string, ...string[]];
  const child = spawn(command, rest, { stdio: ["ignore", "ignore", errors, "ipc"], env: { ...process.env, ...env } });
  started.add(child);
  return child;
}

/** Debian keeps servers where a user's PATH does not look. */
export function find(program: string): string | undefined {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin"];
  return folders.map((folder) => join(folder, program)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const port = portOf(server);
  server.close();
  await once(server, "close");
  return port;
}

/** Whether something listens on `port`, or does within some seconds. */
export async function reachable(port: number): Promise<boolean> {
  for (const until = performance.now() + startMs; performance.now() < until;) {
    const socket = connect(port, "127.0.0.1");
    // oxlint-disable-next-line no-await-in-loop
    const open = await new Promise((resolve) => {
      socket.once("connect", () => resolve(true));
      socket.once("error", () => setTimeout(resolve, 50, false));
    });
    socket.destroy();
    if (open === true) return true;
  }
  return false;
}

/** Fields utime and stime of /proc/PID/stat (man proc_pid_stat), the children's with it. */
function cpuOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  const [user, system] = stat
    .slice(stat.lastIndexOf(")") + 2)
    .split(" ")
    .slice(11, 13)
    .map(Number);
  const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, "latin1").split(" ").filter(Boolean).map(Number),
  );
  return children.reduce((sum, child) => sum + cpuOf(child), (user! + system!) * tickMicros);
}

function rssOf(pid: number): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))!;
  return Number(kilobytes) * 1024;
}
