import { create } from "@bufbuild/protobuf";
import type { ClusterTable } from "../../proto/gen/edgeway/v1/table_pb.js";
import { ClusterTableSchema } from "../../proto/gen/edgeway/v1/table_pb.js";
import type { KubeObject } from "../objects/object.ts";
import type { ReportEntry } from "../report.ts";
import { sortReport } from "../report.ts";
import { keepAcceptable } from "./acceptable.ts";
import { Backends } from "./backends.ts";
import type { Certificate } from "./certificates.ts";
import type { Context, TranslateOptions } from "./context.ts";
import { servedGateways } from "./gateway/gateways.ts";
import { grpcRules } from "./gateway/grpc-route.ts";
import { httpRules } from "./gateway/http-route.ts";
import { translateRoute } from "./gateway/route.ts";
import { translateIngress } from "./ingress/ingress.ts";
import { ObjectIndex } from "./object-index.ts";

export interface Translation {
  readonly table: ClusterTable;
  readonly certificates: readonly Certificate[];
  readonly report: readonly ReportEntry[];
}

/**
 * A cluster's objects as its part of the route table. Pure: the same objects, in whichever order, give the same
 * translation.
 */
export function translate(objects: readonly KubeObject[], options: TranslateOptions): Translation {
  const report: ReportEntry[] = [];
  const index = new ObjectIndex(objects);
  const backends = new Backends(index, report);
  const context: Context = { options, objects: index, report, backends, certificates: [], routes: [] };

  for (const ingress of index.all("Ingress")) translateIngress(context, ingress);
  const gateways = servedGateways(context);
  for (const route of index.all("HTTPRoute")) translateRoute(context, gateways, route, httpRules);
  for (const route of index.all("GRPCRoute")) translateRoute(context, gateways, route, grpcRules);

  const { routes, certificates } = context;
  // Backends first: this also settles the keys that routes refer to.
  const table = { cluster: options.cluster, backends: backends.finish(), routes };
  const { table: kept, issues } = keepAcceptable(create(ClusterTableSchema, table));
  for (const { source, field, reason } of issues) {
    const { kind = "", namespace = "", name = "" } = source ?? {};
    const file = index.find(kind, namespace, name)?.file ?? "";
    const why = `left out, as the edge would refuse it: ${field} ${reason}`;
    report.push({ source: { kind, namespace, name, file }, level: "error", field: "", reason: why });
  }
  return { table: kept, certificates, report: sortReport(report) };
}
