/** The suite's programs: from PATH or .cache/go/bin, or installed there with Go. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

const cache = fileURLToPath(new URL("../../.cache/go/bin", import.meta.url));
const version = "v1.0.5";

/** Where `tool` of connectrpc.com/conformance is. */
export function findTool(tool: string): string {
  for (const folder of [...(process.env["PATH"] ?? "").split(delimiter), cache]) {
    if (existsSync(join(folder, tool))) return join(folder, tool);
  }
  console.log(`installing ${tool} ${version}`);
  const source = `connectrpc.com/conformance/cmd/${tool}@${version}`;
  const { status } = spawnSync("go", ["install", source], { env: { ...process.env, GOBIN: cache }, stdio: "inherit" });
  if (status !== 0) throw new Error(`${tool} is neither in PATH nor in .cache/go/bin, and Go could not install it`);
  return join(cache, tool);
}
