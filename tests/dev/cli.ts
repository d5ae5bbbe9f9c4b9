/** The edgeway command as a process of its own. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { expect } from "vitest";

export const root = join(import.meta.dirname, "../..");

export interface Running {
  readonly process: ChildProcess;
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Resolves to the exit code, or the signal that ended it. */
  readonly exited: Promise<number | NodeJS.Signals>;
}

export interface RunningDev extends Running {
  readonly tlsPort: number;
  readonly clearPort: number;
}

/** Runs a script of the package with this Node. */
export function run(script: string, ...args: string[]): Running {
  const child = spawn(process.execPath, [join(root, script), ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const exited = once(child, "close").then(([code, signal]) => (code ?? signal) as number | NodeJS.Signals);
  return { process: child, stdout: () => stdout, stderr: () => stderr, exited };
}

/** Runs `edgeway dev` on any free ports, and waits until it is ready. */
export async function runDev(...args: string[]): Promise<RunningDev> {
  const running = run("cli/main.ts", "dev", "--port", "0", "--http-port", "0", ...args);
  const { process: child, stdout, stderr, exited } = running;
  const ready = new Promise<void>((resolve) => {
    child.stdout!.on("data", () => {
      if (stdout().includes("http://localhost:")) resolve();
    });
  });
  await Promise.race([
    ready,
    exited.then((code) => {
      throw new Error(`edgeway dev ended with ${code}: ${stderr()}`);
    }),
  ]);
  const [, tlsPort] = /^edgeway ready https:\/\/localhost:(\d+)$/m.exec(stdout()) ?? [];
  const [, clearPort] = /http:\/\/localhost:(\d+)/.exec(stdout()) ?? [];
  return { ...running, tlsPort: Number(tlsPort), clearPort: Number(clearPort) };
}

interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  readonly name: string;
}

/** The processes that run now; those that have ended and wait for their parent to notice are none. */
function processes(): ProcessEntry[] {
  const table = execFileSync("ps", ["-A", "-o", "pid=,ppid=,stat=,comm="], { encoding: "utf8" });
  return table
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , state]) => !state!.startsWith("Z"))
    .map(([pid, parent, , name]) => ({ pid: Number(pid), parent: Number(parent), name: name! }));
}

/** A process's children, their children and so on. */
export function descendants(pid: number): ProcessEntry[] {
  const all = processes();
  const found = all.filter(({ parent }) => parent === pid);
  for (const { pid: each } of found) found.push(...all.filter(({ parent }) => parent === each));
  return found;
}

export function isRunning(pid: number): boolean {
  return processes().some((each) => each.pid === pid);
}

/** Waits until none of these runs any more. */
export async function expectGone(those: readonly ProcessEntry[]): Promise<void> {
  const pids = new Set(those.map(({ pid }) => pid));
  await expect.poll(() => processes().filter(({ pid }) => pids.has(pid)), { timeout: 5000 }).toEqual([]);
}
