/** Other people's programs, where this machine has them. */
import { type ChildProcess, execFile, spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { connect, createServer } from "node:net";
import { delimiter, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { portOf } from "./subjects.ts";

/** Where a program is: in PATH, or where Debian puts daemons. */
export function program(name: string): string | undefined {
  for (const folder of [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin"]) {
    if (existsSync(join(folder, name))) return join(folder, name);
  }
  return undefined;
}

/** Whether Python has `module`. */
export function pythonHas(module: string): boolean {
  return spawnSync("python3", ["-c", `import ${module}`], { stdio: "ignore" }).status === 0;
}

/** Starts a server, and waits until it listens on `port`. */
export async function startServer(path: string, options: readonly string[], port: number): Promise<ChildProcess> {
  const child = spawn(path, options, { stdio: "ignore" });
  for (let attempt = 0; attempt < 100; attempt++) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect({ port, host: "127.0.0.1" });
      socket.once("connect", () => resolve(true));
      socket.once("error", () => resolve(false));
      socket.once("connect", () => socket.destroy());
    });
    if (open) return child;
    await delay(50);
  }
  child.kill();
  throw new Error(`${path} does not listen on ${port}`);
}

/** Runs a program to its end. */
export function run(
  path: string,
  options: readonly string[],
  input?: string,
): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    const child = execFile(path, options, { maxBuffer: 1 << 28, timeout: 25_000 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), output: stdout + stderr });
    });
    child.stdin?.end(input ?? "");
  });
}

/** Bytes that differ from place to place. */
export function noise(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i += 7) bytes[i] = i * 31;
  return bytes;
}

/** `message` in an envelope of gRPC's. */
export function framed(message: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(5 + message.length);
  new DataView(bytes.buffer).setUint32(1, message.length);
  bytes.set(message, 5);
  return bytes;
}

/** A port that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const port = portOf(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/**
 * Where go/ is, built: undefined where Go, or the modules that it needs, are out of reach.
 * Rejects with the compiler's words if Go does not take the sources.
 */
export async function goPeer(): Promise<string | undefined> {
  const go = program("go");
  if (go === undefined) return undefined;
  const execute = promisify(execFile);
  const cwd = join(import.meta.dirname, "go");
  try {
    await execute(go, ["mod", "download"], { cwd, timeout: 120_000 });
  } catch {
    return undefined;
  }
  const path = join(import.meta.dirname, "../../.cache/go/bin/http2-peer");
  await execute(go, ["build", "-buildvcs=false", "-o", path, "."], { cwd });
  return path;
}
