/** What `edgeway validate` finds. */
import { toJson } from "@bufbuild/protobuf";
import { ClusterTableSchema } from "../../proto/gen/edgeway/v1/table_pb.js";
import { systemClock } from "../../kube-sync/clock.ts";
import type { Manifests } from "../../kube-sync/manifests.ts";
import type { ReportEntry } from "../../kube-sync/report.ts";
import { sortReport } from "../../kube-sync/report.ts";
import { watchFiles } from "../../kube-sync/source-files.ts";
import { Store } from "../../kube-sync/store.ts";
import type { Translation } from "../../kube-sync/translate/translate.ts";
import { translate } from "../../kube-sync/translate/translate.ts";
import { printTable } from "./print.ts";

export interface ValidateOptions {
  readonly directory: string;
  /** Whether classes of other controllers are read as Edgeway's own. */
  readonly adoptAll: boolean;
  readonly json: boolean;
}

export interface Validated {
  readonly output: string;
  readonly errors: number;
  /** Whether there is something to serve, and all of it would be. */
  readonly served: boolean;
}

/** @throws an Error that names the directory when it cannot be read, or has no objects. */
export async function validate(options: ValidateOptions): Promise<Validated> {
  const manifests = await readDirectory(options.directory);
  // Most often it is the wrong directory, which is to fail where the exit code alone is looked at.
  if (manifests.objects.length === 0 && manifests.report.length === 0)
    throw new Error(`there are no objects in ${options.directory}`);
  const store = new Store();
  const replaced = store.replace(manifests.objects);
  const translation = translate(store.objects(), { cluster: "local", adoptAll: options.adoptAll });
  const report = sortReport([...manifests.report, ...replaced.report, ...translation.report]);
  const errors = report.filter(({ level }) => level === "error").length;
  const output = options.json ? toText(translation, report) : printTable(store.objects(), translation.table, report);
  const isPassedOver = report.some(({ passedOver }) => passedOver !== undefined);
  return { output, errors, served: errors === 0 && !isPassedOver && translation.table.routes.length > 0 };
}

async function readDirectory(directory: string): Promise<Manifests> {
  let manifests: Manifests | undefined;
  const files = await watchFiles({
    directory,
    clock: systemClock,
    random: Math.random,
    onRead: (read) => (manifests = read),
    onError: () => {},
  });
  files.close();
  return manifests ?? { objects: [], report: [] };
}

function toText({ table, statuses }: Translation, report: readonly ReportEntry[]): string {
  return JSON.stringify({ report, statuses, table: toJson(ClusterTableSchema, table) }, undefined, 2);
}
