/** Writes the Worker to dist/worker, from where wrangler deploys it (wrangler.toml: [build]). */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { bundleWorker } from "./bundle.ts";

const folder = fileURLToPath(new URL("../../dist/worker/", import.meta.url));

const { modules } = await bundleWorker(true);
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
for (const { name, text, map } of modules) {
  writeFileSync(folder + name, `${text}\n//# sourceMappingURL=${name}.map\n`);
  if (map !== undefined) writeFileSync(`${folder}${name}.map`, map);
}
