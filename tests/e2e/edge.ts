/** One edge for all end-to-end tests: `edgeway dev` with the examples, on free ports, from manifests that tests may edit. */
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { startDev } from "../../cli/dev/dev.ts";
import { type ClusterName, clusterNames, type Examples, startExamples } from "../../examples/services/examples.ts";
import { descendants } from "../dev/cli.ts";
import { copyManifests } from "../dev/manifests.ts";
import { until } from "./until.ts";

export interface Edge {
  readonly tlsPort: number;
  readonly clearPort: number;
  readonly examples: Examples;
  /** The process of workerd, with the Worker. */
  readonly workerdPid: number;
  /** Puts a manifest in the place of `file`, and resolves when kube-sync says that the edge has it. */
  apply(cluster: ClusterName, file: string, yaml: string): Promise<void>;
}

/** Set before the first test, see {@link useEdge}. */
export let edge: Edge;

/** Starts the edge before the tests of a file, and stops it after them. */
export function useEdge(): void {
  const running = new AsyncDisposableStack();

  beforeAll(async () => {
    const directory = await mkdtemp(join(tmpdir(), "edgeway-e2e-"));
    running.defer(() => rm(directory, { recursive: true }));
    const examples = await startExamples({ basePort: 0 });
    running.defer(() => examples.close());
    await copyManifests(examples, directory);

    const lines: string[] = [];
    const manifests = clusterNames.map((cluster) => ({ cluster, directory: join(directory, cluster) }));
    const dev = await startDev({
      tlsPort: 0,
      clearPort: 0,
      manifests,
      examples: false,
      log: (line) => lines.push(line),
    });
    running.defer(() => dev.close());

    const workerd = descendants(process.pid).find(({ name }) => name === "workerd");
    const apply: Edge["apply"] = async (cluster, file, yaml) => {
      const said = lines.length;
      const path = join(directory, cluster, file);
      await writeFile(`${path}.new`, yaml);
      await rename(`${path}.new`, path);
      const live = () => lines.slice(said).some((line) => line.startsWith(`${cluster}: revision `));
      await until(live, () => `${file} is live; said so far: ${lines.slice(said).join("\n")}`);
    };
    edge = { tlsPort: dev.tlsPort, clearPort: dev.clearPort, examples, workerdPid: workerd!.pid, apply };
  });

  afterAll(() => running.disposeAsync());
}
