/** The layer table of docs/architecture.md, enforced: a file imports from its own folder or a lower layer only. */
import { globSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { expect, test } from "vitest";

const layers: Record<string, number> = {
  "proto/gen": 0,
  "worker/call": 0,
  routes: 1,
  "worker/http1": 1,
  "worker/http2": 1,
  "worker/pick": 1,
  "worker/wire": 1,
  "worker/protocol": 2,
  "worker/filter": 2,
  "worker/observe": 2,
  "worker/transport": 2,
  "worker/snapshot": 2,
  "kube-sync": 2,
  "worker/transcode": 3,
  worker: 4,
  "worker/admin": 5,
  "worker/console": 6,
  "worker/host": 6,
  examples: 6,
  cli: 7,
  tests: 8,
};

/** Folders that may import a runtime's own modules; everything else runs on workerd, Node and Deno alike. */
const hosts = ["worker/host", "kube-sync", "examples", "cli", "tests"];

const root = join(import.meta.dirname, "..");
const sources = globSync("{worker,routes,kube-sync,cli,examples,tests}/**/*.ts", { cwd: root });

/** The longest folder of the table that holds `file`. */
function folderOf(file: string): string {
  for (let folder = dirname(file); folder !== "."; folder = dirname(folder)) if (folder in layers) return folder;
  throw new Error(`${file} is in no layer`);
}

function importsOf(file: string): string[] {
  const text = readFileSync(join(root, file), "utf8");
  return [...text.matchAll(/^(?:import|export)\b[^;]*?from "([^"]+)"|^import "([^"]+)"/gm)].map((m) => m[1] ?? m[2]!);
}

test.each(sources)("%s imports only from its own folder and from lower layers", (file) => {
  const folder = folderOf(file);
  for (const specifier of importsOf(file)) {
    if (specifier.startsWith(".")) {
      const imported = folderOf(normalize(join(dirname(file), specifier)));
      const allowed = imported === folder || layers[imported]! < layers[folder]!;
      expect(allowed, `${file} (${folder}) imports ${specifier} (${imported})`).toBe(true);
    } else if (/^(node|cloudflare):/.test(specifier) && !file.endsWith(".test.ts")) {
      expect(hosts, `${file} imports ${specifier}`).toContain(folder);
    }
  }
});

test("kube-sync never imports the worker, nor the worker kube-sync", () => {
  for (const file of sources) {
    const crossing = file.startsWith("kube-sync/") ? "worker/" : file.startsWith("worker/") ? "kube-sync/" : undefined;
    if (crossing === undefined) continue;
    for (const specifier of importsOf(file)) {
      if (specifier.startsWith(".")) expect(normalize(join(dirname(file), specifier))).not.toContain(crossing);
    }
  }
});
