/** The suite's programs, from PATH or .cache/go/bin, or installed there with Go, and its protos. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const cache = fileURLToPath(new URL("../../.cache/go/bin", import.meta.url));
const buf = fileURLToPath(new URL("../../node_modules/.bin/buf", import.meta.url));
const source = "connectrpc.com/conformance";
const version = "v1.0.5";

/** Where `tool` of connectrpc.com/conformance is. */
export function findTool(tool: string): string {
  for (const folder of [...(process.env["PATH"] ?? "").split(delimiter), cache]) {
    if (existsSync(join(folder, tool))) return join(folder, tool);
  }
  console.log(`installing ${tool} ${version}`);
  const { status } = spawnSync("go", ["install", `${source}/cmd/${tool}@${version}`], {
    env: { ...process.env, GOBIN: cache },
    stdio: "inherit",
  });
  if (status !== 0) throw new Error(`${tool} is neither in PATH nor in .cache/go/bin, and Go could not install it`);
  return join(cache, tool);
}

/** Writes the descriptors of the suite's service to a file, and returns its path. */
export function buildDescriptors(): string {
  const downloaded = spawnSync("go", ["mod", "download", "-json", `${source}@${version}`], { encoding: "utf8" });
  const { Dir: folder } = JSON.parse(downloaded.stdout) as { Dir: string };
  const file = join(cache, "../conformance.binpb");
  mkdirSync(dirname(file), { recursive: true });
  const options = ["build", join(folder, "proto"), "--as-file-descriptor-set", "-o", file];
  const { status } = spawnSync(buf, options, { stdio: "inherit" });
  if (status !== 0) throw new Error("buf could not build the suite's protos");
  return file;
}
