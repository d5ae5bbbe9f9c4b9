/** The last pushes of clusters' agents: what each changed, and why some were refused. */
import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { equals } from "@bufbuild/protobuf";
import { BackendSchema, RouteSchema } from "../../proto/gen/edgeway/v1/table_pb.js";
import type { PushCounts } from "../observe/metrics.ts";
import type { StoredPart } from "./part.ts";

/** Plain data: it crosses to the isolate that shows it. */
export interface PushEvent {
  /** Unix milliseconds. */
  readonly time: number;
  readonly cluster: string;
  /** The cluster's revision afterwards; "" where it is forgotten. Null: the push was refused. */
  readonly revision: string | null;
  /** Why it was refused. */
  readonly reason: string | null;
  readonly routes: Difference;
  readonly backends: Difference;
}

/** Keys of what a push added, changed and removed, at most {@link mostKeys} of each. */
export interface Difference {
  readonly added: readonly string[];
  readonly changed: readonly string[];
  readonly removed: readonly string[];
}

export interface PushView {
  readonly counts: PushCounts;
  /** Newest first. Those that changed nothing are counted only. */
  readonly recent: readonly PushEvent[];
}

const mostEvents = 50;
const mostKeys = 50;
const noDifference: Difference = { added: [], changed: [], removed: [] };

export class PushLog {
  readonly #now: () => number;
  #accepted = 0;
  readonly #refused = new Map<string, number>();
  #recent: PushEvent[] = [];

  /** @param now Unix milliseconds */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** @param before undefined: the cluster had not pushed yet */
  accepted(before: StoredPart | undefined, after: StoredPart): void {
    this.#accepted++;
    if (before?.revision === after.revision) return;
    this.#add({
      cluster: after.cluster,
      revision: String(after.revision),
      reason: null,
      routes: difference(RouteSchema, before?.routes, after.routes),
      backends: difference(BackendSchema, before?.backends, after.backends),
    });
  }

  /** It is none of the pushes that are counted. */
  forgotten({ cluster, routes, backends }: StoredPart): void {
    this.#add({
      cluster,
      revision: "",
      reason: null,
      routes: difference(RouteSchema, routes, new Map()),
      backends: difference(BackendSchema, backends, new Map()),
    });
  }

  /** @param cluster undefined: nobody proved to be one's, so it is counted only, or it could push the others out */
  refused(cluster: string | undefined, why: string, reason: string): void {
    this.#refused.set(why, (this.#refused.get(why) ?? 0) + 1);
    if (cluster === undefined) return;
    this.#add({ cluster, revision: null, reason, routes: noDifference, backends: noDifference });
  }

  get view(): PushView {
    const counts = { accepted: this.#accepted, refused: Object.fromEntries(this.#refused) };
    return { counts, recent: this.#recent };
  }

  #add(event: Omit<PushEvent, "time">): void {
    this.#recent = [{ time: this.#now(), ...event }, ...this.#recent].slice(0, mostEvents);
  }
}

function difference<Desc extends DescMessage>(
  schema: Desc,
  before: ReadonlyMap<string, MessageShape<Desc>> = new Map(),
  after: ReadonlyMap<string, MessageShape<Desc>>,
): Difference {
  const added: string[] = [];
  const changed: string[] = [];
  for (const [key, resource] of after) {
    const old = before.get(key);
    if (old === undefined) added.push(key);
    else if (changed.length < mostKeys && old !== resource && !equals(schema, old, resource)) changed.push(key);
  }
  const removed = [...before.keys()].filter((key) => !after.has(key));
  return { added: added.slice(0, mostKeys), changed, removed: removed.slice(0, mostKeys) };
}
