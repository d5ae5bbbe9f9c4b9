/** What the Dockerfiles put into their images is all that runs there. No image is built. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { root } from "../dev/cli.ts";
import { until } from "../e2e/until.ts";
import { read } from "./markdown.ts";

interface Locked {
  readonly packages: Readonly<Record<string, { readonly dev?: boolean; readonly devOptional?: boolean }>>;
}

/** What `npm ci --omit=dev` installs, by paths from the repository's root. */
const installed = Object.entries((JSON.parse(read("package-lock.json")) as Locked).packages)
  .filter(([path, { dev, devOptional }]) => /^node_modules\/(@[^/]+\/)?[^/]+$/.test(path) && !dev && !devOptional)
  .map(([path]) => path);

/** Lays out the files of an image in a folder of its own. */
function unpack(dockerfile: string): string {
  const folder = mkdtempSync(join(tmpdir(), "edgeway-image-"));
  const [, last] = read(dockerfile)
    .split(/^FROM .*$/m)
    .slice(1);
  for (const [, from, to] of last!.matchAll(/^COPY (?!--)(\S+) (\S+)$/gm)) {
    cpSync(join(root, from!), join(folder, to === "./" ? from! : to!), { recursive: true });
  }
  for (const path of installed) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    symlinkSync(join(root, path), join(folder, path));
  }
  return folder;
}

test.each([
  ["deploy/node/Dockerfile", ["serve", "--http", "127.0.0.1:0", "--data", "data"], "edgeway ready"],
  [
    "kube-sync/deploy/Dockerfile",
    ["sync", "--edge=http://127.0.0.1:9", "--cluster=east", "--manifests=data", "--listen=127.0.0.1:0"],
    "health and metrics at port",
  ],
])("the image of %s has all that edgeway needs there", async (dockerfile, args, said) => {
  const folder = unpack(dockerfile);
  mkdirSync(join(folder, "data"));
  const [, entry] = /^ENTRYPOINT \["node", "(\S+)"\]$/m.exec(read(dockerfile))!;
  const child = spawn(process.execPath, [entry!, ...args], {
    cwd: folder,
    env: { ...process.env, EDGEWAY_SYNC_TOKEN: "token" },
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += String(chunk)));
  const exited = once(child, "exit");
  try {
    await until(
      () => output.includes(said) || child.exitCode !== null,
      () => output,
      20_000,
    );
    expect(output).toContain(said);
  } finally {
    child.kill("SIGTERM");
    await exited;
    rmSync(folder, { recursive: true });
  }
});
