import { create } from "@bufbuild/protobuf";
import type { ClusterTable } from "../../proto/gen/edgeway/v1/table_pb.js";
import { ClusterTableSchema } from "../../proto/gen/edgeway/v1/table_pb.js";
import type { KubeObject } from "../objects/object.ts";
import type { ReportEntry } from "../report.ts";
import { compareText, sortReport } from "../report.ts";
import { keepAcceptable } from "./acceptable.ts";
import type { Origin } from "../descriptors/collector.ts";
import type { DescriptorSet } from "../descriptors/set.ts";
import { Backends } from "./backends.ts";
import type { Certificate } from "./certificates.ts";
import type { Context, TranslateOptions } from "./context.ts";
import { addAnnotatedCors } from "./cors.ts";
import { BackendDescriptors } from "./descriptors.ts";
import { translateGateways } from "./gateway/route.ts";
import { translateIngresses } from "./ingress/ingress.ts";
import { translateIstio } from "./istio/mesh.ts";
import { ObjectIndex } from "./object-index.ts";
import type { ObjectStatus } from "./status.ts";

export interface Translation {
  readonly table: ClusterTable;
  readonly certificates: readonly Certificate[];
  /** What the objects' `status` should say, by kind, namespace and name. */
  readonly statuses: readonly ObjectStatus[];
  readonly report: readonly ReportEntry[];
  /** The backends whose servers are to be asked for descriptors. */
  readonly origins: readonly Origin[];
}

/**
 * A cluster's objects as its part of the route table. Pure: the same objects, in whichever order, give the same
 * translation.
 * `reflected`: the descriptor sets that servers told, by backend key.
 */
export function translate(
  objects: readonly KubeObject[],
  options: TranslateOptions,
  reflected: ReadonlyMap<string, DescriptorSet> = new Map(),
): Translation {
  const report: ReportEntry[] = [];
  const index = new ObjectIndex(objects);
  const backends = new Backends(index, report);
  const context: Context = { options, objects: index, report, backends, certificates: [], statuses: [], routes: [] };

  translateIngresses(context);
  translateGateways(context);
  translateIstio(context);

  const { routes, certificates, statuses } = context;
  // Backends first: this also settles the keys that routes refer to.
  const descriptors = new BackendDescriptors(index, reflected);
  const table = create(ClusterTableSchema, {
    cluster: options.cluster,
    backends: backends.finish(descriptors),
    routes,
    descriptorSets: descriptors.used().map(({ hash, bytes }) => ({ hash, fileDescriptorSet: bytes })),
  });
  addAnnotatedCors(context, table);
  const { table: kept, issues } = keepAcceptable(table);
  for (const { source, field, reason } of issues) {
    const { kind = "", namespace = "", name = "" } = source ?? {};
    const file = index.find(kind, namespace, name)?.file ?? "";
    const why = `left out, as the edge would refuse it: ${field} ${reason}`;
    report.push({ source: { kind, namespace, name, file }, level: "error", field: "", reason: why });
  }
  const sorted = { statuses: sortStatuses(statuses), report: sortReport(report) };
  return { table: kept, certificates, ...sorted, origins: descriptors.origins };
}

function sortStatuses(statuses: readonly ObjectStatus[]): ObjectStatus[] {
  const key = ({ kind, namespace, name }: ObjectStatus) => `${kind}/${namespace}/${name}`;
  return statuses.toSorted((a, b) => compareText(key(a), key(b)));
}
