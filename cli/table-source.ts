/** Where a command has the route table from: `--manifests` or `--edge`. */
import { edgeSource, type EdgeSource } from "./edge.ts";
import { type ManifestsSource, parseManifests } from "./manifests.ts";
import { UsageError } from "./usage.ts";

export type TableSource = { readonly manifests: readonly ManifestsSource[] } | { readonly edge: EdgeSource };

interface Values {
  readonly manifests?: string[] | undefined;
  readonly edge?: string | undefined;
  readonly "token-file"?: string | undefined;
}

/** @throws UsageError */
export function tableSource({ manifests, edge, "token-file": tokenFile }: Values): TableSource {
  if ((manifests === undefined) === (edge === undefined))
    throw new UsageError("takes --manifests, the directory of a cluster's objects, or --edge, an edge's URL");
  return edge === undefined ? { manifests: parseManifests(manifests!) } : { edge: edgeSource(edge, tokenFile) };
}
