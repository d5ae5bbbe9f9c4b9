/**
 * The Worker as modules: the one that an isolate starts with, and others that it loads when it first needs them. Wrangler
 * itself would make one of all.
 */
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, type Metafile, type Plugin } from "esbuild";

const root = fileURLToPath(new URL("../..", import.meta.url));

export interface WorkerBundle {
  /** The main module first. */
  readonly modules: readonly WorkerModule[];
  /** What went into them, by paths from the repository's root. */
  readonly metafile: Metafile;
}

export interface WorkerModule {
  /** By which the others import it, with "./" before it. */
  readonly name: string;
  readonly text: string;
  /** Source map; undefined: it is in the text. */
  readonly map: string | undefined;
  /** Whether it is loaded at start: it is the main module, or that imports it. */
  readonly atStart: boolean;
}

/** @param minify for a deployment: whitespace and names go, and source maps are files of their own */
export async function bundleWorker(minify: boolean): Promise<WorkerBundle> {
  const { outputFiles, metafile } = await build({
    absWorkingDir: root,
    entryPoints: ["worker/host/cloudflare.ts"],
    outdir: "dist/worker",
    write: false,
    bundle: true,
    splitting: true,
    minify,
    metafile: true,
    format: "esm",
    target: "es2024",
    conditions: ["workerd", "worker", "browser"],
    external: ["cloudflare:*"],
    plugins: [re2Later],
    sourcemap: minify ? "external" : "inline",
    logLevel: "error",
  });
  const texts = new Map(outputFiles.map((file) => [basename(file.path), file.text]));
  const started = atStart(metafile);
  const names = [...texts.keys()].filter((name) => name.endsWith(".js"));
  const modules = names.map((name) => ({
    name,
    text: texts.get(name)!,
    map: texts.get(`${name}.map`),
    atStart: started.has(name),
  }));
  return { modules: modules.toSorted((a, b) => Number(isMain(b)) - Number(isMain(a))), metafile };
}

/** The main module's name: what wrangler.toml calls `main`. */
const mainName = "cloudflare.js";

const isMain = ({ name }: WorkerModule): boolean => name === mainName;

/** The names of the modules that the main one imports, and those that they do. */
function atStart({ outputs }: Metafile): ReadonlySet<string> {
  const imports = new Map(
    Object.entries(outputs).map(([path, output]) => [
      basename(path),
      output.imports.flatMap(({ kind, path: imported }) => (kind === "import-statement" ? basename(imported) : [])),
    ]),
  );
  const found = new Set<string>();
  const visit = (name: string): void => {
    if (found.has(name) || !imports.has(name)) return;
    found.add(name);
    imports.get(name)!.forEach(visit);
  };
  visit(mainName);
  return found;
}

/** RE2's engine is a fourth of the code, and most tables need none: see worker/snapshot/re2-later.ts. */
const re2Later: Plugin = {
  name: "re2-later",
  setup(bundler) {
    bundler.onResolve({ filter: /^re2js$/ }, ({ importer }) =>
      dirname(importer) === join(root, "routes") ? { path: join(root, "worker/snapshot/re2-later.ts") } : undefined,
    );
  },
};
