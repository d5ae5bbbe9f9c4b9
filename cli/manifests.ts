/** The option `--manifests [CLUSTER=]DIR` of several commands. */
import { basename, resolve } from "node:path";
import { UsageError } from "./usage.ts";

/** A directory that holds the objects of a cluster. */
export interface ManifestsSource {
  readonly cluster: string;
  readonly directory: string;
}

/** @throws UsageError if a value is none, or two are for one cluster. */
export function parseManifests(values: readonly string[]): ManifestsSource[] {
  const sources = values.map(parseSource);
  const clusters = new Set<string>();
  for (const { cluster } of sources) {
    if (clusters.has(cluster)) throw new UsageError(`two --manifests for the cluster ${cluster}`);
    clusters.add(cluster);
  }
  return sources;
}

/** Cluster names are DNS labels, as Kubernetes has them. */
function parseSource(value: string): ManifestsSource {
  const [, named, directory] = /^(?:([a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)=)?(.+)$/s.exec(value) ?? [];
  if (directory === undefined) throw new UsageError("--manifests takes a directory");
  const cluster =
    named ??
    basename(resolve(directory))
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/g, "-");
  return { cluster, directory: resolve(directory) };
}
