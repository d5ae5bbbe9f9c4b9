/** The route table that manifests give: read as agents do, compiled as the edge does. */
import { systemClock } from "../kube-sync/clock.ts";
import { formatEntry } from "../kube-sync/report.ts";
import { watchFiles } from "../kube-sync/source-files.ts";
import { Store } from "../kube-sync/store.ts";
import { translate } from "../kube-sync/translate/translate.ts";
import { compile } from "../routes/compile.ts";
import { decode } from "../routes/decode.ts";
import type { ClusterPart, RouteTable } from "../routes/model.ts";
import type { ManifestsSource } from "./manifests.ts";

/**
 * @param log gets what is wrong with the manifests
 * @throws Error if a directory cannot be read
 */
export async function readTable(
  manifests: readonly ManifestsSource[],
  log: (line: string) => void,
): Promise<RouteTable> {
  return compile(await Promise.all(manifests.map((source) => readPart(source, log))));
}

async function readPart({ cluster, directory }: ManifestsSource, log: (line: string) => void): Promise<ClusterPart> {
  const store = new Store();
  const files = await watchFiles({
    directory,
    clock: systemClock,
    random: Math.random,
    onError: log,
    onRead: ({ objects, report }) => {
      for (const entry of report) log(`${cluster}: ${formatEntry(entry)}`);
      store.replace(objects);
    },
  });
  files.close();
  const { table, report } = translate(store.objects(), { cluster, adoptAll: true });
  for (const entry of report) if (entry.level === "error") log(`${cluster}: ${formatEntry(entry)}`);
  const { part, issues } = decode(table);
  if (part === undefined)
    throw new Error(`${directory}: ${issues.map(({ field, reason }) => `${field} ${reason}`).join("; ")}`);
  return part;
}
