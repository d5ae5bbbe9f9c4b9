/** What an isolate may weigh, and what each host does without. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build, type Metafile } from "esbuild";
import { expect, test } from "vitest";
import { bundleWorker } from "../../cli/worker/bundle.ts";
import { startupCpuMs } from "./startup.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

const { modules, metafile } = await bundleWorker(true);
const started = modules.filter(({ atStart }) => atStart);

const gzipBytes = (texts: readonly { readonly text: string }[]): number =>
  texts.reduce((sum, { text }) => sum + gzipSync(text).length, 0);

test("the modules that an isolate of the Worker starts with have at most 150 KB, compressed", () => {
  expect(gzipBytes(started)).toBeLessThanOrEqual(150_000);
});

test("all modules of the Worker have less than a tenth of what Cloudflare takes, 3 MB compressed", () => {
  expect(gzipBytes(modules)).toBeLessThanOrEqual(300_000);
});

// Those that are loaded later are left out. workerd reads all modules that were uploaded when a Worker starts, which takes
// as long again; it evaluates none of them.
test.runIf(process.platform === "linux")(
  "the modules that an isolate starts with take at most 20 ms of CPU",
  async () => {
    expect(await startupCpuMs(started, 8)).toBeLessThanOrEqual(20);
  },
);

const later = /node_modules\/(re2js|jose|hono|@connectrpc|@bufbuild)\//;

test("what most calls need not is no part of what an isolate starts with: RE2, protobuf, tokens, the console", () => {
  const names = started.map(({ name }) => name);
  const inputs = Object.entries(metafile.outputs)
    .filter(([path]) => names.some((name) => path.endsWith(`/${name}`)))
    .flatMap(([, output]) => Object.keys(output.inputs));
  expect(inputs.filter((path) => later.test(path))).toEqual([]);
});

test("the Worker has nothing of the other hosts, of the agent's or of the command's", () => {
  const foreign =
    /^(kube-sync|cli|examples)\/|worker\/host\/(node|deno|zlib)|node_modules\/(yaml|@connectrpc\/connect-node)\//;
  expect(inputsOf(metafile).filter((path) => foreign.test(path))).toEqual([]);
  expect(externals(metafile).filter((path) => !path.startsWith("cloudflare:"))).toEqual([]);
});

test("the Node process has nothing of the other hosts", async () => {
  const { metafile: node } = await bundleOf("./cli/serve/command.ts");
  expect(inputsOf(node).filter((path) => /worker\/host\/(cloudflare|deno|origin-pool|table-)/.test(path))).toEqual([]);
  expect(externals(node).filter((path) => path.startsWith("cloudflare:"))).toEqual([]);
});

test("Edgeway on Deno has nothing of the other hosts, of the agent's or of the command's", async () => {
  const { metafile: deno } = await bundleOf("./worker/host/deno-main.ts");
  const foreign = /^(kube-sync|cli|examples)\/|worker\/host\/(cloudflare|origin-pool|table-|node-(?!sql|console))/;
  expect(inputsOf(deno).filter((path) => foreign.test(path))).toEqual([]);
  expect(externals(deno).filter((path) => path.startsWith("cloudflare:"))).toEqual([]);
});

test("Deno gets the versions of packages that Node gets", () => {
  const { dependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const { imports } = JSON.parse(readFileSync(join(root, "deno.json"), "utf8"));
  for (const [name, target] of Object.entries<string>(imports)) {
    const bare = name.replace(/\/$/, "");
    expect(target.replace("npm:/", "npm:").replace(/\/$/, "")).toBe(`npm:${bare}@${dependencies[bare]}`);
  }
});

async function bundleOf(entry: string): Promise<{ readonly metafile: Metafile }> {
  return build({
    absWorkingDir: root,
    entryPoints: [entry],
    bundle: true,
    write: false,
    metafile: true,
    format: "esm",
    platform: "node",
    packages: "external",
    logLevel: "error",
  });
}

function inputsOf({ inputs }: Metafile): string[] {
  return Object.keys(inputs);
}

function externals({ inputs }: Metafile): string[] {
  return Object.values(inputs).flatMap(({ imports }) =>
    imports.flatMap(({ path, external }) => (external ? path : [])),
  );
}
