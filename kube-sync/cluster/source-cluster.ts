import type { Kind, ObjectRef, Reading } from "../objects/object.ts";
import { keyOfRef, readObject } from "../objects/object.ts";
import type { ReportEntry } from "../report.ts";
import { entriesOf } from "../report.ts";
import type { Source, SourceContext } from "../source.ts";
import type { KubeApi } from "./api.ts";
import type { InformerProblem, InformerSink } from "./informer.ts";
import { Informer } from "./informer.ts";
import type { WatchedKind } from "./resources.ts";
import { trimmed, watchedKinds } from "./resources.ts";

/** An object as the API server has it: what is read of it, and what is not part of that. */
export interface Seen extends Reading {
  readonly resourceVersion: string;
  readonly status: unknown;
}

/** Told of everything that is seen. */
export interface ClusterObserver {
  /** All of a kind, or one that is new or changed. */
  seen(object: Seen): void;
  gone(ref: ObjectRef): void;
  /** A kind was listed, or its watch opened. */
  restarted(kind: Kind, why: "watch" | "list"): void;
}

interface ClusterSourceOptions {
  readonly api: KubeApi;
  readonly observer: ClusterObserver;
}

/** The objects of a cluster, as its API server tells them. It has them all once each kind was listed, or is absent. */
export function clusterSource({ api, observer }: ClusterSourceOptions): Source {
  return async (context) => {
    const problems = new Problems(context.report);
    const outage = new Outage(context.log);
    await Promise.all(
      watchedKinds.map((kind) => {
        const sink = new KindSink(kind, { context, observer, problems, outage });
        const { clock, random, signal } = context;
        const read = (object: Readonly<Record<string, unknown>>) => readSeen(kind.key, object);
        void new Informer({ api, resource: kind, read, sink, clock, random, signal }).run();
        return sink.listed;
      }),
    );
  };
}

function readSeen(kind: Kind, raw: Readonly<Record<string, unknown>>): Seen {
  const { metadata, status } = raw;
  const resourceVersion = Object(metadata).resourceVersion as unknown;
  return {
    ...readObject(trimmed(kind, raw)),
    resourceVersion: typeof resourceVersion === "string" ? resourceVersion : "",
    status,
  };
}

/** What is wrong with objects, by their key. */
class Problems {
  readonly #report: SourceContext["report"];
  readonly #byKey = new Map<string, readonly ReportEntry[]>();
  #changed = false;

  constructor(report: SourceContext["report"]) {
    this.#report = report;
  }

  set(key: string, entries: readonly ReportEntry[]): void {
    if (entries.length === 0) return this.delete(key);
    this.#byKey.set(key, entries);
    this.#changed = true;
  }

  delete(key: string): void {
    if (this.#byKey.delete(key)) this.#changed = true;
  }

  /** Reports, if anything changed. */
  tell(): void {
    if (this.#changed) this.#report([...this.#byKey.values()].flat());
    this.#changed = false;
  }
}

/** Says once that the API server is not reached, however many kinds notice, and when all are reached again. */
class Outage {
  readonly #log: SourceContext["log"];
  readonly #kinds = new Set<Kind>();

  constructor(log: SourceContext["log"]) {
    this.#log = log;
  }

  note(kind: Kind, reason: string | undefined): void {
    const before = this.#kinds.size;
    if (reason === undefined) this.#kinds.delete(kind);
    else this.#kinds.add(kind);
    const after = this.#kinds.size;
    if (before === 0 && after > 0) this.#log(`cannot reach the API server, trying again: ${reason}`);
    if (before > 0 && after === 0) this.#log("the API server is reached again");
  }
}

/** What the kinds have in common. */
interface Shared {
  readonly context: SourceContext;
  readonly observer: ClusterObserver;
  readonly problems: Problems;
  readonly outage: Outage;
}

/** Keeps the store equal to one kind's objects. */
class KindSink implements InformerSink<Seen> {
  readonly #kind: WatchedKind;
  readonly #context: SourceContext;
  readonly #observer: ClusterObserver;
  readonly #problems: Problems;
  readonly #outage: Outage;
  readonly #listed = Promise.withResolvers<void>();
  /** Of every object, also of those that cannot be read. */
  #refs = new Map<string, ObjectRef>();

  constructor(kind: WatchedKind, shared: Shared) {
    this.#kind = kind;
    this.#context = shared.context;
    this.#observer = shared.observer;
    this.#problems = shared.problems;
    this.#outage = shared.outage;
  }

  /** Resolves once the kind was listed. */
  get listed(): Promise<void> {
    return this.#listed.promise;
  }

  replaced(all: readonly Seen[]): void {
    const gone = this.#refs;
    this.#refs = new Map();
    for (const seen of all) {
      this.#note(seen);
      gone.delete(keyOfRef(seen.ref));
    }
    for (const [key, ref] of gone) {
      this.#problems.delete(key);
      this.#observer.gone(ref);
    }
    const { store, changed } = this.#context;
    if (
      store.replaceKind(
        this.#kind.key,
        all.flatMap(({ object }) => object ?? []),
      )
    )
      changed();
    this.#listed.resolve();
  }

  put(seen: Seen): void {
    this.#note(seen);
    this.#problems.tell();
    const { store, changed } = this.#context;
    if (seen.object === undefined ? store.delete(seen.ref) : store.put(seen.object)) changed();
  }

  deleted({ ref }: Seen): void {
    const key = keyOfRef(ref);
    this.#refs.delete(key);
    this.#problems.delete(key);
    this.#problems.tell();
    this.#observer.gone(ref);
    if (this.#context.store.delete(ref)) this.#context.changed();
  }

  problem(problem: InformerProblem | undefined): void {
    if (problem?.answered) this.#context.log(`${this.#kind.plural}: ${problem.reason}`);
    this.#outage.note(this.#kind.key, problem?.answered === false ? problem.reason : undefined);
  }

  restarted(why: "watch" | "list"): void {
    this.#observer.restarted(this.#kind.key, why);
  }

  #note(seen: Seen): void {
    const key = keyOfRef(seen.ref);
    this.#refs.set(key, seen.ref);
    this.#problems.set(key, entriesOf(seen.ref, seen.problems));
    this.#observer.seen(seen);
  }
}
