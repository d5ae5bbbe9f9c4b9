/** One cluster's part of the table as the authority keeps it, and what changes from one to the next. */
import { create, toBinary, type DescMessage, type MessageInitShape, type MessageShape } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { Delta } from "../../proto/gen/edgeway/v1/sync_pb.js";
import {
  type Backend,
  BackendSchema,
  type Certificate,
  CertificateSchema,
  type ClusterTable,
  ClusterTableSchema,
  type DescriptorSet,
  type Route,
  RouteSchema,
  type Table,
  TableSchema,
} from "../../proto/gen/edgeway/v1/table_pb.js";

/** What a cluster's agent pushed, by key. */
export interface Resources {
  readonly cluster: string;
  readonly routes: ReadonlyMap<string, Route>;
  readonly backends: ReadonlyMap<string, Backend>;
  readonly certificates: ReadonlyMap<string, Certificate>;
  /** The hashes of its descriptor sets. Their bytes are in the storage only. */
  readonly descriptorSets: ReadonlySet<string>;
  /** Whether the cluster is being drained. */
  readonly lastResort: boolean;
}

/** One cluster's part as it stands. */
export interface StoredPart extends Resources {
  readonly revision: bigint;
  /** When it was last pushed, Unix milliseconds by the authority's clock. {@link neverPushed}: it is {@link forgotten}. */
  readonly pushedMillis: number;
  /** The same by the agent's clock; 0: it did not say. */
  readonly issuedMillis: number;
}

/** For the time of a push. */
const neverPushed = -1;

export function isForgotten({ pushedMillis }: StoredPart): boolean {
  return pushedMillis === neverPushed;
}

/**
 * What stays of a part whose cluster is forgotten: readers that still have its rules learn that it has none, whichever
 * run of the authority they know, and pushes of before it cannot be repeated.
 */
export function forgotten({ cluster, issuedMillis }: StoredPart, revision: bigint): StoredPart {
  const { resources } = wholeUpdate(create(ClusterTableSchema, { cluster }));
  return { ...resources, revision, pushedMillis: neverPushed, issuedMillis };
}

/** Resources by key, in binary; undefined for those removed. */
export type Change = ReadonlyMap<string, Uint8Array | undefined>;

export interface PartChange {
  readonly routes: Change;
  readonly backends: Change;
  readonly certificates: Change;
  /** By hash. */
  readonly descriptorSets: Change;
}

/** Where parts outlive the process. */
export interface PartStorage {
  load(): Iterable<StoredPart>;
  /** Makes `part` the current one, or throws and changes nothing. */
  save(part: StoredPart, change: PartChange): void;
  /** The bytes of a descriptor set of any part. */
  descriptorSet(hash: string): Uint8Array | undefined;
  /** What {@link reported} has written, by cluster. */
  reports?(): Iterable<readonly [cluster: string, millis: number]>;
  /** Writes when a cluster's agent was last heard, Unix milliseconds. Undefined: somebody else does. */
  reported?(cluster: string, millis: number): void;
}

/** Resources, and the bytes of those descriptor sets that may be new. */
export interface Update {
  readonly resources: Resources;
  readonly sets: ReadonlyMap<string, Uint8Array>;
}

export function wholeUpdate(table: ClusterTable): Update {
  const { cluster, lastResort } = table;
  const sets = byHash(table.descriptorSets);
  const resources = {
    cluster,
    routes: byKey(table.routes),
    backends: byKey(table.backends),
    certificates: byKey(table.certificates),
    descriptorSets: new Set(sets.keys()),
    lastResort,
  };
  return { resources, sets };
}

export function deltaUpdate(current: Resources, delta: Delta): Update {
  const kept = [...current.descriptorSets].filter((hash) => !delta.removedDescriptorSets.includes(hash));
  const sets = new Map([...kept.map((hash) => [hash, held] as const), ...byHash(delta.descriptorSets)]);
  const resources = {
    cluster: delta.cluster,
    routes: merged(current.routes, delta.routes, delta.removedRoutes),
    backends: merged(current.backends, delta.backends, delta.removedBackends),
    certificates: merged(current.certificates, delta.certificates, delta.removedCertificates),
    descriptorSets: new Set(sets.keys()),
    lastResort: delta.lastResort ?? current.lastResort,
  };
  return { resources, sets };
}

/** Stands for the bytes of a set that the storage holds: they are its hash's, so they never change. */
const held = new Uint8Array(0);

const nothing: ReadonlyMap<string, never> = new Map<string, never>();

export function changeBetween(before: Resources | undefined, { resources: after, sets }: Update): PartChange {
  return {
    routes: changes(before?.routes ?? nothing, after.routes, RouteSchema),
    backends: changes(before?.backends ?? nothing, after.backends, BackendSchema),
    certificates: changes(before?.certificates ?? nothing, after.certificates, CertificateSchema),
    descriptorSets: setChanges(before?.descriptorSets ?? new Set(), sets),
  };
}

export function isEmpty(change: PartChange): boolean {
  return Object.values(change).every((resources: Change) => resources.size === 0);
}

/** The part as one message, its descriptor sets without their bytes. */
export function tableOf(part: Resources): ClusterTable {
  const init: MessageInitShape<typeof ClusterTableSchema> = {
    cluster: part.cluster,
    routes: [...part.routes.values()],
    backends: [...part.backends.values()],
    certificates: [...part.certificates.values()],
    descriptorSets: [...part.descriptorSets].map((hash) => ({ hash })),
    lastResort: part.lastResort,
  };
  return create(ClusterTableSchema, init);
}

/** The table without what may not leave the edge: private keys. */
export function withoutKeys(table: ClusterTable): ClusterTable {
  return create(ClusterTableSchema, {
    ...table,
    certificates: table.certificates.map((certificate) => ({ ...certificate, privateKey: "" })),
    backends: table.backends.map((backend) =>
      backend.originTls === undefined ? backend : { ...backend, originTls: { ...backend.originTls, clientKey: "" } },
    ),
  });
}

function byKey<R extends { key: string }>(resources: readonly R[]): Map<string, R> {
  return new Map(resources.map((resource) => [resource.key, resource]));
}

function byHash(sets: readonly DescriptorSet[]): Map<string, Uint8Array> {
  return new Map(sets.map(({ hash, fileDescriptorSet }) => [hash, fileDescriptorSet]));
}

function merged<R extends { key: string }>(
  current: ReadonlyMap<string, R>,
  put: readonly R[],
  removed: readonly string[],
): Map<string, R> {
  const next = new Map(current);
  for (const key of removed) next.delete(key);
  for (const resource of put) next.set(resource.key, resource);
  return next;
}

function changes<D extends DescMessage>(
  before: ReadonlyMap<string, MessageShape<D>>,
  after: ReadonlyMap<string, MessageShape<D>>,
  schema: D,
): Change {
  const change = new Map<string, Uint8Array | undefined>();
  for (const key of before.keys()) if (!after.has(key)) change.set(key, undefined);
  for (const [key, resource] of after) {
    const old = before.get(key);
    if (old === resource) continue;
    const bytes = bytesOf(schema, resource);
    if (old === undefined || !sameBytes(bytesOf(schema, old), bytes)) change.set(key, bytes);
  }
  return change;
}

function setChanges(before: ReadonlySet<string>, after: ReadonlyMap<string, Uint8Array>): Change {
  const change = new Map<string, Uint8Array | undefined>();
  for (const hash of before) if (!after.has(hash)) change.set(hash, undefined);
  for (const [hash, bytes] of after) if (!before.has(hash)) change.set(hash, bytes);
  return change;
}

/** Of messages that were written before: most of a table is, again and again. */
const written = new WeakMap<object, Uint8Array>();

function bytesOf<D extends DescMessage>(schema: D, message: MessageShape<D>): Uint8Array {
  let bytes = written.get(message);
  if (bytes === undefined) written.set(message, (bytes = toBinary(schema, message)));
  return bytes;
}

/** The table in binary (edgeway.v1.Table). */
export function tableBytes(table: Table): Uint8Array {
  const writer = new BinaryWriter().raw(toBinary(TableSchema, { ...table, clusters: [] }));
  const { routes, backends } = ClusterTableSchema.field;
  for (const cluster of table.clusters) {
    writer.tag(TableSchema.field.clusters.number, WireType.LengthDelimited).fork();
    writer.raw(toBinary(ClusterTableSchema, { ...cluster, routes: [], backends: [] }));
    for (const route of cluster.routes)
      writer.tag(routes.number, WireType.LengthDelimited).bytes(bytesOf(RouteSchema, route));
    for (const backend of cluster.backends)
      writer.tag(backends.number, WireType.LengthDelimited).bytes(bytesOf(BackendSchema, backend));
    writer.join();
  }
  return writer.finish();
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
