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
  const started = await startedOf(child);
  const [, port, storage] = /listening on ([0-9]+).*; the table is in (.*)$/.exec(started) ?? [];
  if (port === undefined) throw new Error(started);
  return {
    url: `http://127.0.0.1:${port}`,
    storage: storage!,
    async stop() {
      if (child.exitCode !== null) return child.exitCode;
      child.kill("SIGTERM");
      await once(child, "exit");
      return child.exitCode;
    },
  };
}

/** The first line of its log. */
async function startedOf(child: ChildProcess): Promise<string> {
  const lines = createInterface(child.stderr!);
  const [line] = (await once(lines, "line")) as [string];
  return line;
}
