/** The one who decides what the table is: takes the clusters' pushes, and hands out the whole. */
import { create, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  type ClusterStatus,
  ClusterStatusSchema,
  type Delta,
  type PushRequest,
  RefusalSchema,
} from "../../proto/gen/edgeway/v1/sync_pb.js";
import {
  type Backend,
  BackendSchema,
  type ClusterTable,
  ClusterTableSchema,
  type DescriptorSet,
  type Route,
  RouteSchema,
  TableSchema,
} from "../../proto/gen/edgeway/v1/table_pb.js";
import { decode } from "../../routes/decode.ts";

/** One cluster's part as it stands. */
export interface StoredPart {
  readonly cluster: string;
  readonly revision: bigint;
  /** When it was last pushed, Unix milliseconds. */
  readonly pushedMillis: number;
  readonly routes: ReadonlyMap<string, Route>;
  readonly backends: ReadonlyMap<string, Backend>;
  /** The hashes of its descriptor sets. Their bytes are in the storage only. */
  readonly descriptorSets: ReadonlySet<string>;
}

type Resources = Omit<StoredPart, "revision" | "pushedMillis">;

/** Resources by key, in binary; undefined for those removed. */
export interface PartChange {
  readonly routes: ReadonlyMap<string, Uint8Array | undefined>;
  readonly backends: ReadonlyMap<string, Uint8Array | undefined>;
  /** By hash. */
  readonly descriptorSets: ReadonlyMap<string, Uint8Array | undefined>;
}

/** Where parts outlive the process. */
export interface PartStorage {
  load(): Iterable<StoredPart>;
  /** Makes `part` the current one, or throws and changes nothing. */
  save(part: StoredPart, change: PartChange): void;
  /** The bytes of a descriptor set of any part. */
  descriptorSet(hash: string): Uint8Array | undefined;
}

export class Authority {
  readonly #storage: PartStorage;
  readonly #now: () => number;
  readonly #parts = new Map<string, StoredPart>();
  #revision = 0n;
  /** The table in binary, until the next change. */
  #table: Uint8Array | undefined;

  /** @param now Unix milliseconds */
  constructor(storage: PartStorage, now: () => number) {
    this.#storage = storage;
    this.#now = now;
    for (const part of storage.load()) {
      this.#parts.set(part.cluster, part);
      if (part.revision > this.#revision) this.#revision = part.revision;
    }
  }

  /**
   * Returns the cluster's revision now.
   *
   * @throws ConnectError INVALID_ARGUMENT with a Refusal for a part with issues, FAILED_PRECONDITION for a delta with
   * another base than the current revision
   */
  push({ update }: PushRequest): bigint {
    switch (update.case) {
      case "whole":
        return this.#replace(update.value);
      case "delta":
        return this.#apply(update.value);
      default:
        throw new ConnectError("a push brings the whole or a delta", Code.InvalidArgument);
    }
  }

  get(cluster: string): StoredPart | undefined {
    return this.#parts.get(cluster);
  }

  status(): ClusterStatus[] {
    return [...this.#parts.values()].map(({ cluster, revision, pushedMillis, routes, backends }) =>
      create(ClusterStatusSchema, {
        cluster,
        revision,
        pushedMillis: BigInt(pushedMillis),
        routes: routes.size,
        backends: backends.size,
      }),
    );
  }

  /** The bytes of the descriptor set with this hash. */
  descriptorSet(hash: string): Uint8Array | undefined {
    return this.#storage.descriptorSet(hash);
  }

  /** The table in binary (edgeway.v1.Table); undefined if `revision` is the current one. */
  tableSince(revision: bigint): Uint8Array | undefined {
    if (revision === this.#revision) return undefined;
    const clusters = [...this.#parts.values()].map(tableOf);
    return (this.#table ??= toBinary(TableSchema, create(TableSchema, { revision: this.#revision, clusters })));
  }

  #replace(table: ClusterTable): bigint {
    check(table);
    const { cluster } = table;
    const current = this.#parts.get(cluster);
    const routes = byKey(table.routes);
    const backends = byKey(table.backends);
    const sets = byHash(table.descriptorSets);
    return this.#store(
      { cluster, routes, backends, descriptorSets: new Set(sets.keys()) },
      {
        routes: changeBetween(current?.routes ?? new Map(), routes, routeBytes),
        backends: changeBetween(current?.backends ?? new Map(), backends, backendBytes),
        descriptorSets: setsBetween(current?.descriptorSets ?? new Set(), sets),
      },
    );
  }

  #apply(delta: Delta): bigint {
    const { cluster, baseRevision } = delta;
    const current = this.#parts.get(cluster);
    if (current?.revision !== baseRevision) {
      const message = `revision ${baseRevision} is not the current one, ${current?.revision ?? "none"}: send the whole`;
      throw new ConnectError(message, Code.FailedPrecondition);
    }
    const routes = merged(current.routes, delta.routes, delta.removedRoutes);
    const backends = merged(current.backends, delta.backends, delta.removedBackends);
    const kept = [...current.descriptorSets].filter((hash) => !delta.removedDescriptorSets.includes(hash));
    const sets = new Map([...kept.map((hash) => [hash, held] as const), ...byHash(delta.descriptorSets)]);
    const next = { cluster, routes, backends, descriptorSets: new Set(sets.keys()) };
    check(tableOf(next));
    return this.#store(next, {
      routes: changeBetween(current.routes, routes, routeBytes),
      backends: changeBetween(current.backends, backends, backendBytes),
      descriptorSets: setsBetween(current.descriptorSets, sets),
    });
  }

  #store(next: Resources, change: PartChange): bigint {
    const { cluster } = next;
    const current = this.#parts.get(cluster);
    const changed = current === undefined || change.routes.size + change.backends.size + change.descriptorSets.size > 0;
    const revision = changed ? this.#revision + 1n : current.revision;
    const part: StoredPart = { ...next, revision, pushedMillis: this.#now() };
    this.#storage.save(part, change);
    this.#parts.set(cluster, part);
    if (changed) {
      this.#revision = revision;
      this.#table = undefined;
    }
    return revision;
  }
}

/** The part as one message, its descriptor sets without their bytes. */
export function tableOf({ cluster, routes, backends, descriptorSets }: Resources): ClusterTable {
  return create(ClusterTableSchema, {
    cluster,
    routes: [...routes.values()],
    backends: [...backends.values()],
    descriptorSets: [...descriptorSets].map((hash) => ({ hash })),
  });
}

const routeBytes = (route: Route) => toBinary(RouteSchema, route);
const backendBytes = (backend: Backend) => toBinary(BackendSchema, backend);

function check(table: ClusterTable): void {
  const decoded = decode(table);
  if ("part" in decoded) return;
  const { issues } = decoded;
  const [first] = issues;
  const more = issues.length > 1 ? `, and ${issues.length - 1} more` : "";
  throw new ConnectError(
    `the table has issues: ${first?.source?.kind ?? ""} ${first?.source?.name ?? ""} ${first?.field}: ${first?.reason}${more}`,
    Code.InvalidArgument,
    undefined,
    [{ desc: RefusalSchema, value: { issues } }],
  );
}

function byKey<R extends { key: string }>(resources: readonly R[]): Map<string, R> {
  return new Map(resources.map((resource) => [resource.key, resource]));
}

/** Stands for the bytes of a set that the storage holds: they are its hash's, so they never change. */
const held = new Uint8Array(0);

function byHash(sets: readonly DescriptorSet[]): Map<string, Uint8Array> {
  return new Map(sets.map(({ hash, fileDescriptorSet }) => [hash, fileDescriptorSet]));
}

function setsBetween(
  before: ReadonlySet<string>,
  after: ReadonlyMap<string, Uint8Array>,
): Map<string, Uint8Array | undefined> {
  const change = new Map<string, Uint8Array | undefined>();
  for (const hash of before) if (!after.has(hash)) change.set(hash, undefined);
  for (const [hash, bytes] of after) if (!before.has(hash)) change.set(hash, bytes);
  return change;
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

function changeBetween<R>(
  before: ReadonlyMap<string, R>,
  after: ReadonlyMap<string, R>,
  bytesOf: (resource: R) => Uint8Array,
): Map<string, Uint8Array | undefined> {
  const change = new Map<string, Uint8Array | undefined>();
  for (const key of before.keys()) if (!after.has(key)) change.set(key, undefined);
  for (const [key, resource] of after) {
    const old = before.get(key);
    if (old === resource) continue;
    const bytes = bytesOf(resource);
    if (old === undefined || !sameBytes(bytesOf(old), bytes)) change.set(key, bytes);
  }
  return change;
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
