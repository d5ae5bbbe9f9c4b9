/** Programs written in Go that suites bring. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Where tests keep such programs. */
export const goCache = fileURLToPath(new URL("../.cache/go/bin", import.meta.url));

/** Where `tool` is: in PATH or in {@link goCache}. Undefined: it is not there. */
export function findTool(tool: string): string | undefined {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), goCache];
  return folders.map((folder) => join(folder, tool)).find((path) => existsSync(path));
}

/**
 * Where `tool` is: in PATH, in {@link goCache}, or installed there with Go from the first of `modules` that can be had
 * ("module@version", whose cmd/TOOL it is).
 *
 * @throws Error if it is nowhere
 */
export function goTool(tool: string, modules: readonly string[]): string {
  const found = findTool(tool);
  if (found !== undefined) return found;
  for (const source of modules) {
    const [module, version] = source.split("@");
    console.log(`installing ${tool} ${version}`);
    const { status } = spawnSync("go", ["install", `${module}/cmd/${tool}@${version}`], {
      env: { ...process.env, GOBIN: goCache },
      stdio: "ignore",
    });
    if (status === 0) return join(goCache, tool);
  }
  throw new Error(`${tool} is neither in PATH nor in .cache/go/bin, and Go could not install it`);
}
