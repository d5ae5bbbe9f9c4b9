/** worker/host/deno-main.ts as a process of its own, as an operator runs it. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { deno, denoRun } from "../edges/deno.ts";

const script = fileURLToPath(new URL("../../worker/host/deno-main.ts", import.meta.url));

export const token = "deno-test";

export interface DenoMain {
  readonly url: string;
  /** Where it says that its table is. */
  readonly storage: string;
  readonly process: ChildProcess;
  /** Of its log. */
  readonly stderr: () => string;
  /** Resolves to its exit code. */
  readonly exited: Promise<number | null>;
  /** Ends it as a supervisor does; resolves to its exit code. */
  stop(): Promise<number | null>;
}

/** @param flags of `deno run`, besides */
export async function startDenoMain(
  env: Readonly<Record<string, string>>,
  flags: readonly string[],
): Promise<DenoMain> {
  const settings = { PORT: "0", EDGEWAY_HOST: "127.0.0.1", EDGEWAY_SYNC_TOKEN: token, ...env };
  const child = spawn(deno, [...denoRun, ...flags, script], {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, ...settings },
  });
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const exited = once(child, "exit").then(([code]) => code as number | null);
  const started = await startedOf(child);
  const [, port, storage] = /listening on ([0-9]+).*; the table is in (.*)$/.exec(started) ?? [];
  if (port === undefined) throw new Error(started);
  return {
    url: `http://127.0.0.1:${port}`,
    storage: storage!,
    process: child,
    stderr: () => stderr,
    exited,
    stop() {
      child.kill("SIGTERM");
      return exited;
    },
  };
}

/** The first line of its log. */
async function startedOf(child: ChildProcess): Promise<string> {
  const lines = createInterface(child.stderr!);
  const [line] = (await once(lines, "line")) as [string];
  return line;
}
