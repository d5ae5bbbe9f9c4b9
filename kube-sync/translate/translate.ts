import { create } from "@bufbuild/protobuf";
import type { ClusterTable } from "../../proto/gen/edgeway/v1/table_pb.js";
import { ClusterTableSchema } from "../../proto/gen/edgeway/v1/table_pb.js";
import type { KubeObject } from "../objects/object.ts";
import type { ReportEntry } from "../report.ts";
import { sortKey } from "../report.ts";
import { keepAcceptable } from "./acceptable.ts";
import type { Origin } from "../descriptors/collector.ts";
import type { DescriptorSet } from "../descriptors/set.ts";
import { makeBackends } from "./backends.ts";
import type { Certificate } from "./certificates.ts";
import { isDrained, pushedCertificates } from "./cluster.ts";
import type { Context, TranslateOptions } from "./context.ts";
import { contextOf } from "./context.ts";
import { BackendDescriptors } from "./descriptors.ts";
import { routesByAge } from "./gateway/attach.ts";
import { translateGateways } from "./gateway/route.ts";
import { reportIdleGuards } from "./guards.ts";
import { translateIngresses } from "./ingress/ingress.ts";
import { translateIstio } from "./istio/mesh.ts";
import { ObjectIndex } from "./object-index.ts";
import { Ordered } from "./ordered.ts";
import { makeRoute } from "./routes.ts";
import type { ObjectStatus } from "./status.ts";
import { Units } from "./units.ts";

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
 * translation. `objects`: of different names.
 * `reflected`: the descriptor sets that servers told, by backend key.
 */
export function translate(
  objects: readonly KubeObject[],
  options: TranslateOptions,
  reflected: ReadonlyMap<string, DescriptorSet> = new Map(),
): Translation {
  const index = new ObjectIndex();
  index.update(objects);
  return translateAll(contextOf(options, index), new Orders(), reflected);
}

/**
 * Translates again and again, each time only what changed. The result is that of `translate`; the messages, statuses
 * and report entries of what did not change are the same objects as the last time.
 */
export class Translator {
  readonly #options: TranslateOptions;
  readonly #objects = new ObjectIndex();
  readonly #units = new Units(this.#objects);
  readonly #orders = new Orders();

  constructor(options: TranslateOptions) {
    this.#options = options;
  }

  /** `objects`: of different names; one that did not change is the same object as the last time. */
  translate(objects: readonly KubeObject[], reflected: ReadonlyMap<string, DescriptorSet> = new Map()): Translation {
    this.#units.begin(this.#objects.update(objects));
    const translation = translateAll(contextOf(this.#options, this.#objects, this.#units), this.#orders, reflected);
    this.#units.end();
    return translation;
  }
}

/** What is kept in order from one translation to the next. */
class Orders {
  readonly routes = routesByAge();
  readonly report = new Ordered<ReportEntry>(sortKey);
  readonly statuses = new Ordered<ObjectStatus>(({ kind, namespace, name }) => `${kind}/${namespace}/${name}`);
}

function translateAll(context: Context, orders: Orders, reflected: ReadonlyMap<string, DescriptorSet>): Translation {
  const routes = [
    ...translateIngresses(context),
    ...translateGateways(context, orders.routes),
    ...translateIstio(context),
  ];
  // Backends first: this also settles the keys that routes refer to.
  const descriptors = new BackendDescriptors(context.objects, reflected);
  const backends = makeBackends(context, descriptors);
  reportIdleGuards(context);
  const table = create(ClusterTableSchema, {
    cluster: context.options.cluster,
    backends,
    routes: routes.map((route) => makeRoute(context, route)),
    certificates: pushedCertificates(context),
    lastResort: isDrained(context),
    descriptorSets: descriptors.used().map(({ hash, bytes }) => ({ hash, fileDescriptorSet: bytes })),
  });
  return {
    table: keepAcceptable(context, table),
    certificates: context.certificates,
    statuses: orders.statuses.of(context.statuses),
    report: orders.report.of(context.report),
    origins: descriptors.origins,
  };
}
