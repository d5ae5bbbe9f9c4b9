/** The suite's programs, from PATH or .cache/go/bin, or installed there with Go, and its protos. */
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { goCache, goTool } from "../go-tool.ts";

const buf = fileURLToPath(new URL("../../node_modules/.bin/buf", import.meta.url));
const source = "connectrpc.com/conformance";
const version = "v1.0.5";

/** Where `tool` of connectrpc.com/conformance is. */
export function findTool(tool: string): string {
  return goTool(tool, [`${source}@${version}`]);
}

/** Writes the descriptors of the suite's service to a file, and returns its path. */
export function buildDescriptors(): string {
  const downloaded = spawnSync("go", ["mod", "download", "-json", `${source}@${version}`], { encoding: "utf8" });
  const { Dir: folder } = JSON.parse(downloaded.stdout) as { Dir: string };
  const file = join(goCache, "../conformance.binpb");
  mkdirSync(dirname(file), { recursive: true });
  const options = ["build", join(folder, "proto"), "--as-file-descriptor-set", "-o", file];
  const { status } = spawnSync(buf, options, { stdio: "inherit" });
  if (status !== 0) throw new Error("buf could not build the suite's protos");
  return file;
}
