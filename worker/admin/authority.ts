/** The one who decides what the table is: takes the clusters' pushes, and hands out the whole. */
import { create } from "@bufbuild/protobuf";
import { type Issue, type PushRequest, RefusalSchema } from "../../proto/gen/edgeway/v1/sync_pb.js";
import { type Certificate, type ClusterTable, TableSchema } from "../../proto/gen/edgeway/v1/table_pb.js";
import { Decoder, type Issue as RouteIssue } from "../../routes/decode.ts";
import type { ClusterMetrics } from "../observe/metrics.ts";
import type { Cluster } from "./clusters.ts";
import { granted, type Granted, type WithheldHostname } from "./granted.ts";
import {
  changeBetween,
  deltaUpdate,
  forgotten,
  isEmpty,
  isForgotten,
  type PartStorage,
  type StoredPart,
  tableBytes,
  tableOf,
  type Update,
  wholeUpdate,
} from "./part.ts";
import { Refused } from "./refused.ts";

export interface AuthorityOptions {
  /** Unix milliseconds. */
  readonly now: () => number;
  /** Of this run of the authority, as no other has it: revisions may not all outlive a run. Without a dot. */
  readonly epoch: string;
  /** The one whose place it takes, over what others have stored: what that one has heard was heard. */
  readonly takesOver?: Authority;
  /** Milliseconds without a report after which a cluster is a last resort. */
  readonly staleMs?: number;
  /** Those whose hostnames are limited. */
  readonly clusters?: readonly Pick<Cluster, "name" | "hostnames">[];
  /** Whether the table is for those who serve TLS themselves: others have no use for certificates and their keys. */
  readonly certificates?: boolean;
  /** Gets a line when a cluster falls silent, and when it is heard again. */
  readonly log?: (line: string) => void;
  /** Called after each change of the table. */
  readonly onChange?: () => void;
}

export interface Pushed {
  /** The cluster's revision now. */
  readonly revision: bigint;
  readonly withheld: readonly Issue[];
}

/** How one cluster is: its times, unless told, are Unix milliseconds by the authority's clock. */
export interface ClusterState extends Omit<ClusterMetrics, "revision"> {
  readonly revision: bigint;
  /** Of its last push, by the agent's clock; 0: it did not say. */
  readonly issuedMillis: number;
}

/** Milliseconds between those reports of a cluster that are written. */
const writeMs = 30_000;

/** Agents report each 15 s: a few reports may be lost, and the authority itself may be away for a while. */
const defaultStaleMs = 300_000;

/** By how much an agent's clock may be ahead, or its pushes could keep later ones out. */
const clockToleranceMs = 300_000;

export class Authority {
  readonly #storage: PartStorage;
  readonly #options: Omit<AuthorityOptions, "takesOver">;
  readonly #parts = new Map<string, StoredPart>();
  /** What is checked with each push, most of which did not change. */
  readonly #decoders = new Map<string, Decoder>();
  /** What of each part is served. */
  readonly #granted = new WeakMap<StoredPart, Granted>();
  /** When each cluster was last heard, Unix milliseconds. */
  readonly #heard = new Map<string, number>();
  /** What of it is written, besides the times of pushes. */
  readonly #written = new Map<string, number>();
  /** Nobody was heard before: clusters have as long again to report. */
  readonly #started: number;
  #stale: ReadonlySet<string> = new Set();
  #revision = 0n;
  /** The table in binary, until the next change. */
  #table: Uint8Array | undefined;

  constructor(storage: PartStorage, options: AuthorityOptions) {
    this.#storage = storage;
    const { takesOver, ...own } = options;
    this.#options = own;
    this.#started = takesOver === undefined ? options.now() : takesOver.#started;
    for (const part of storage.load()) {
      this.#parts.set(part.cluster, part);
      if (!isForgotten(part)) this.#heard.set(part.cluster, part.pushedMillis);
      if (part.revision > this.#revision) this.#revision = part.revision;
    }
    const heard = takesOver === undefined ? (storage.reports?.() ?? []) : takesOver.#heard;
    for (const [cluster, at] of heard) this.#hear(cluster, at);
    this.#stale = this.#silent();
  }

  /** Names the table of now: equal for equal tables. */
  get version(): string {
    return `${this.#options.epoch}.${this.#revision}`;
  }

  /**
   * @throws Refused for a part with issues, with a Refusal; for a delta with another base than the current revision; for
   * a push that is not later than the last
   */
  push({ update, issuedMillis }: PushRequest): Pushed {
    const issued = Number(issuedMillis);
    switch (update.case) {
      case "whole":
        this.#checkOrder(update.value.cluster, issued);
        return this.#store(wholeUpdate(update.value), issued);
      case "delta": {
        const { cluster, baseRevision } = update.value;
        this.#checkOrder(cluster, issued);
        const current = this.#parts.get(cluster);
        if (current?.revision === baseRevision) return this.#store(deltaUpdate(current, update.value), issued);
        const is = current?.revision ?? "none";
        throw new Refused("wrong_base", `revision ${baseRevision} is not the current one, ${is}: send the whole`);
      }
      default:
        throw new Refused("invalid", "a push brings the whole or a delta");
    }
  }

  /**
   * The cluster's agent lives.
   *
   * @param at when it was heard, Unix milliseconds: now, unless others heard it
   */
  report(cluster: string, at = this.#options.now()): void {
    if (this.get(cluster) === undefined) return;
    this.#hear(cluster, at);
    if (at - (this.#written.get(cluster) ?? 0) >= writeMs) {
      this.#storage.reported?.(cluster, at);
      this.#written.set(cluster, at);
    }
    this.noticeStale();
  }

  /** Makes clusters that have not reported for long a last resort. Reading the table does so, too. */
  noticeStale(): void {
    const before = this.#stale;
    const stale = this.#silent();
    const silent = [...stale].filter((cluster) => !before.has(cluster));
    const again = [...before].filter((cluster) => !stale.has(cluster));
    if (silent.length === 0 && again.length === 0) return;
    this.#stale = stale;
    this.#changed(this.#revision + 1n);
    const { log, staleMs = defaultStaleMs } = this.#options;
    for (const cluster of silent)
      log?.(`cluster ${cluster} was not heard for ${staleMs / 1000} s: it serves only what no other cluster can`);
    for (const cluster of again) if (this.#heard.has(cluster)) log?.(`cluster ${cluster} is heard again`);
  }

  /**
   * Takes the cluster's part out of the table, and the cluster out of the status, until it pushes again.
   *
   * @throws Refused if it has not pushed, or has routes and was heard within the time after which it is stale
   */
  forget(cluster: string): void {
    const part = this.get(cluster);
    if (part === undefined) throw new Refused("absent", `no cluster ${cluster} has pushed`);
    const { now, staleMs = defaultStaleMs } = this.#options;
    const silentMs = now() - (this.#heard.get(cluster) ?? 0);
    if (part.routes.size > 0 && silentMs <= staleMs) throw new Refused("alive", stillHeard(cluster, silentMs, staleMs));
    const revision = this.#revision + 1n;
    const rest = forgotten(part, revision);
    this.#storage.save(rest, changeBetween(part, { resources: rest, sets: new Map() }));
    this.#parts.set(cluster, rest);
    this.#heard.delete(cluster);
    this.#changed(revision);
    this.noticeStale();
  }

  /** Undefined: it has not pushed, or is forgotten. */
  get(cluster: string): StoredPart | undefined {
    const part = this.#parts.get(cluster);
    return part === undefined || isForgotten(part) ? undefined : part;
  }

  status(): ClusterState[] {
    this.noticeStale();
    const there = [...this.#parts.values()].filter((part) => !isForgotten(part));
    return there.map((part) => {
      const { table, withheldRoutes } = this.#grantedOf(part);
      const { cluster, revision, pushedMillis, issuedMillis, backends } = part;
      return {
        cluster,
        revision,
        pushedMillis,
        issuedMillis,
        reportedMillis: this.#heard.get(cluster) ?? pushedMillis,
        routes: table.routes.length,
        withheldRoutes,
        backends: backends.size,
        drained: part.lastResort,
        silent: this.#stale.has(cluster),
        lastResort: this.#isLastResort(part),
      };
    });
  }

  /** The hostnames of rules that are stored, and not served. */
  withheld(): WithheldHostname[] {
    return [...this.#parts.values()].flatMap((part) => this.#grantedOf(part).hostnames);
  }

  /** Those that are served. */
  certificates(): Certificate[] {
    return [...this.#parts.values()].flatMap((part) => this.#served(part).certificates);
  }

  /** The bytes of the descriptor set with this hash. */
  descriptorSet(hash: string): Uint8Array | undefined {
    return this.#storage.descriptorSet(hash);
  }

  /** The table in binary (edgeway.v1.Table); undefined if `version` is the current one. */
  tableSince(version: string): Uint8Array | undefined {
    this.noticeStale();
    return version === this.version ? undefined : this.table();
  }

  /** The table in binary (edgeway.v1.Table). */
  table(): Uint8Array {
    const clusters = (): ClusterTable[] => [...this.#parts.values()].map((part) => this.#served(part));
    return (this.#table ??= tableBytes(
      create(TableSchema, { revision: this.#revision, epoch: this.#options.epoch, clusters: clusters() }),
    ));
  }

  #checkOrder(cluster: string, issued: number): void {
    if (issued === 0) return;
    const last = this.#parts.get(cluster)?.issuedMillis ?? 0;
    if (issued <= last) throw new Refused("replayed", `a push made at ${issued} comes after one made at ${last}`);
    const now = this.#options.now();
    if (issued > now + clockToleranceMs)
      throw new Refused("expired", `a push made at ${issued} is far ahead of this edge's clock, ${now}`);
  }

  #store(update: Update, issued: number): Pushed {
    const { resources: next } = update;
    const { cluster } = next;
    this.#check(tableOf(next));
    const current = this.#parts.get(cluster);
    const change = changeBetween(current, update);
    const changed = current === undefined || !isEmpty(change) || current.lastResort !== next.lastResort;
    const revision = changed ? this.#revision + 1n : current.revision;
    const now = this.#options.now();
    const issuedMillis = issued === 0 ? (current?.issuedMillis ?? 0) : issued;
    const part: StoredPart = { ...next, revision, pushedMillis: now, issuedMillis };
    this.#storage.save(part, change);
    this.#parts.set(cluster, part);
    this.#hear(cluster, now);
    if (changed) this.#changed(revision);
    this.noticeStale();
    return { revision, withheld: this.#grantedOf(part).withheld };
  }

  #check(table: ClusterTable): void {
    const decoder = this.#decoders.get(table.cluster) ?? new Decoder();
    checkIssues(decoder.decode(table).issues);
    this.#decoders.set(table.cluster, decoder);
  }

  #silent(): Set<string> {
    const { now, staleMs = defaultStaleMs } = this.#options;
    const oldest = now() - staleMs;
    const isStale = (at: number): boolean => Math.max(at, this.#started) < oldest;
    return new Set([...this.#heard].flatMap(([cluster, at]) => (isStale(at) ? cluster : [])));
  }

  #hear(cluster: string, at: number): void {
    const known = this.#heard.get(cluster);
    if (this.get(cluster) !== undefined && (known === undefined || at > known)) this.#heard.set(cluster, at);
  }

  #changed(revision: bigint): void {
    this.#revision = revision;
    this.#table = undefined;
    this.#options.onChange?.();
  }

  #isLastResort({ cluster, lastResort }: StoredPart): boolean {
    return lastResort || this.#stale.has(cluster);
  }

  #served(part: StoredPart): ClusterTable {
    const { table } = this.#grantedOf(part);
    const certificates = this.#options.certificates === true ? table.certificates : [];
    return { ...table, certificates, lastResort: this.#isLastResort(part) };
  }

  #grantedOf(part: StoredPart): Granted {
    const known = this.#granted.get(part);
    if (known !== undefined) return known;
    const grants = this.#options.clusters?.find(({ name }) => name === part.cluster)?.hostnames;
    const made = granted(tableOf(part), grants);
    this.#granted.set(part, made);
    return made;
  }
}

function stillHeard(cluster: string, silentMs: number, staleMs: number): string {
  const [silent, stale] = [silentMs, staleMs].map((ms) => Math.max(0, Math.round(ms / 1000)));
  return `cluster ${cluster} was heard ${silent} s ago, and has routes: stop its agent, and forget it when it has been silent for ${stale} s`;
}

function checkIssues(issues: readonly RouteIssue[] | undefined): void {
  if (issues === undefined) return;
  const [first] = issues;
  const more = issues.length > 1 ? `, and ${issues.length - 1} more` : "";
  throw new Refused(
    "invalid",
    `the table has issues: ${first?.source?.kind ?? ""} ${first?.source?.name ?? ""} ${first?.field}: ${first?.reason}${more}`,
    [{ desc: RefusalSchema, value: { issues } }],
  );
}
