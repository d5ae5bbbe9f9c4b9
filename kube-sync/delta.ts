import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { create, equals } from "@bufbuild/protobuf";
import type { Delta } from "../proto/gen/edgeway/v1/sync_pb.js";
import { DeltaSchema } from "../proto/gen/edgeway/v1/sync_pb.js";
import type { ClusterTable, DescriptorSet } from "../proto/gen/edgeway/v1/table_pb.js";
import { BackendSchema, CertificateSchema, RouteSchema } from "../proto/gen/edgeway/v1/table_pb.js";

/** What turns `base`, the table at that revision, into `table`; undefined when nothing does, as they are the same. */
export function deltaBetween(base: ClusterTable, baseRevision: bigint, table: ClusterTable): Delta | undefined {
  const routes = changes(RouteSchema, base.routes, table.routes);
  const backends = changes(BackendSchema, base.backends, table.backends);
  const sets = setChanges(base.descriptorSets, table.descriptorSets);
  const certificates = changes(CertificateSchema, base.certificates, table.certificates);
  const drained = base.lastResort !== table.lastResort;
  if ([routes, backends, sets, certificates].every((part) => part === undefined) && !drained) return undefined;
  return create(DeltaSchema, {
    cluster: table.cluster,
    baseRevision,
    routes: routes?.changed ?? [],
    removedRoutes: routes?.removed ?? [],
    backends: backends?.changed ?? [],
    removedBackends: backends?.removed ?? [],
    descriptorSets: sets?.changed ?? [],
    removedDescriptorSets: sets?.removed ?? [],
    certificates: certificates?.changed ?? [],
    removedCertificates: certificates?.removed ?? [],
    ...(drained && { lastResort: table.lastResort }),
  });
}

/** A set never changes: its key is the hash of its bytes. */
function setChanges(
  before: readonly DescriptorSet[],
  after: readonly DescriptorSet[],
): { changed: DescriptorSet[]; removed: string[] } | undefined {
  const [old, next] = [before, after].map((sets) => new Set(sets.map(({ hash }) => hash)));
  const changed = after.filter(({ hash }) => !old!.has(hash));
  const removed = [...old!].filter((hash) => !next!.has(hash));
  return changed.length === 0 && removed.length === 0 ? undefined : { changed, removed };
}

function changes<D extends DescMessage, M extends MessageShape<D> & { readonly key: string }>(
  schema: D,
  before: readonly M[],
  after: readonly M[],
): { changed: M[]; removed: string[] } | undefined {
  const left = new Map(before.map((item) => [item.key, item]));
  const changed = after.filter((item) => {
    const old = left.get(item.key);
    left.delete(item.key);
    return old === undefined || (old !== item && !equals(schema, old, item));
  });
  return changed.length === 0 && left.size === 0 ? undefined : { changed, removed: [...left.keys()] };
}
