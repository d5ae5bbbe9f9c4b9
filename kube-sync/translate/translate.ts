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
import type { TranslateOptions } from "./context.ts";
import { contextOf } from "./context.ts";
import { BackendDescriptors } from "./descriptors.ts";
import { routesByAge } from "./gateway/attach.ts";
import { translateGateways } from "./gateway/route.ts";
import { translateIngresses } from "./ingress/ingress.ts";
import { translateIstio } from "./istio/mesh.ts";
import { ObjectIndex } from "./object-index.ts";
import { Ordered } from "./ordered.ts";
import { makeRoute } from "./routes.ts";
import type { ObjectStatus } from "./status.ts";
import { noNotes, Units } from "./units.ts";

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
  return new Translator(options).translate(objects, reflected);
}

/**
 * Translates again and again, each time only what changed. The result is that of `translate`; the messages, statuses
 * and report entries of what did not change are the same objects as the last time.
 */
export class Translator {
  readonly #options: TranslateOptions;
  readonly #objects = new ObjectIndex();
  readonly #units = new Units(this.#objects);
  readonly #routes = routesByAge();
  readonly #report = new Ordered<ReportEntry>(sortKey);
  readonly #statuses = new Ordered<ObjectStatus>(({ kind, namespace, name }) => `${kind}/${namespace}/${name}`);

  constructor(options: TranslateOptions) {
    this.#options = options;
  }

  /** `objects`: of different names; one that did not change is the same object as the last time. */
  translate(objects: readonly KubeObject[], reflected: ReadonlyMap<string, DescriptorSet> = new Map()): Translation {
    this.#units.begin(this.#objects.update(objects));
    const notes = noNotes();
    const context = contextOf(this.#options, this.#objects, this.#units, notes);
    const routes = [
      ...translateIngresses(context),
      ...translateGateways(context, this.#routes),
      ...translateIstio(context),
    ];
    // Backends first: this also settles the keys that routes refer to.
    const descriptors = new BackendDescriptors(this.#objects, reflected);
    const backends = makeBackends(context, descriptors);
    const table = create(ClusterTableSchema, {
      cluster: this.#options.cluster,
      backends,
      routes: routes.map((route) => makeRoute(context, route)),
      certificates: pushedCertificates(context),
      lastResort: isDrained(context),
      descriptorSets: descriptors.used().map(({ hash, bytes }) => ({ hash, fileDescriptorSet: bytes })),
    });
    const kept = keepAcceptable(context, table);
    this.#units.end();
    return {
      table: kept,
      certificates: notes.certificates,
      statuses: this.#statuses.of(notes.statuses),
      report: this.#report.of(notes.report),
      origins: descriptors.origins,
    };
  }
}
