import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  clusterNames,
  type Examples,
  manifestsBasePort,
  portOf,
  serverNames,
} from "../../examples/services/examples.ts";
import { root } from "./cli.ts";

/** Copies the examples' manifests to `directory`/CLUSTER, with the ports that these examples have. */
export async function copyManifests(examples: Examples, directory: string): Promise<void> {
  const ports = new Map<string, number>();
  for (const cluster of clusterNames) {
    for (const server of serverNames) {
      ports.set(String(portOf(cluster, server, manifestsBasePort)), examples[cluster][server].port);
    }
  }
  for (const cluster of clusterNames) {
    const from = join(root, "examples/manifests", cluster);
    const to = join(directory, cluster);
    await mkdir(to, { recursive: true });
    for (const file of await readdir(from)) {
      const text = await readFile(join(from, file), "utf8");
      await writeFile(
        join(to, file),
        text.replaceAll(/127\.0\.0\.1:(\d+)/g, (_all, port) => `127.0.0.1:${ports.get(port)}`),
      );
    }
  }
}
