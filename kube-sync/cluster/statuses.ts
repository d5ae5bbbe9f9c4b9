import type { Clock, Random } from "../clock.ts";
import { Loop } from "../loop.ts";
import type { Kind, ObjectRef } from "../objects/object.ts";
import { keyOfRef } from "../objects/object.ts";
import { anything, either, part, string } from "../objects/read.ts";
import type { KubeApi } from "./api.ts";
import { ApiError } from "./api.ts";
import { readJson } from "./json.ts";
import { pathsOf } from "./resources.ts";
import type { Seen } from "./source-cluster.ts";
import type { Merge } from "./status-merge.ts";

/** Kinds whose status the agent writes. */
const KINDS: ReadonlySet<string> = new Set<Kind>([
  "GatewayClass",
  "Gateway",
  "HTTPRoute",
  "GRPCRoute",
  "BackendTLSPolicy",
  "Ingress",
]);

/** Nobody waits for a status as for a call: what changes within this is written once. */
const HOLD_OFF_MS = 100;
/** How often to look whether someone wrote over it. */
const REPEAT_MS = 30_000;
const MAX_WRITES_AT_ONCE = 8;
const MAX_CONFLICTS = 4;

interface StatusesOptions {
  readonly api: KubeApi;
  readonly clock: Clock;
  readonly random: Random;
  readonly date: () => Date;
  readonly log: (line: string) => void;
  /** What an object of nobody's wish should say; undefined if that is not the agent's to say. */
  readonly unwanted: (ref: ObjectRef) => Merge | undefined;
}

interface Known {
  readonly ref: ObjectRef;
  readonly resourceVersion: string;
  readonly status: unknown;
  /** The wish that the status was found to fulfil. */
  fulfils?: Merge;
}

/** Writes objects' `status` where it is not what it should be. */
export class Statuses {
  readonly #options: StatusesOptions;
  readonly #loop: Loop;
  readonly #known = new Map<string, Known>();
  readonly #stop = new AbortController();
  /** By object key; undefined while others write. */
  #wanted: ReadonlyMap<string, Merge> | undefined;
  #failures = new Set<string>();
  #cancelRepeat: (() => void) | undefined;

  constructor(options: StatusesOptions) {
    const { clock, random } = options;
    this.#options = options;
    this.#loop = new Loop({ clock, random, holdOffMs: HOLD_OFF_MS, run: () => this.#writeAll() });
  }

  /** An object as the API server has it. */
  seen({ ref, resourceVersion, status }: Seen): void {
    if (KINDS.has(ref.kind)) this.#known.set(keyOfRef(ref), { ref, resourceVersion, status });
  }

  gone(ref: ObjectRef): void {
    this.#known.delete(keyOfRef(ref));
  }

  /** What all objects should say, by key; undefined: nothing is to be written. */
  want(wanted: ReadonlyMap<string, Merge> | undefined): void {
    this.#wanted = wanted;
    if (wanted !== undefined) this.#loop.changed();
  }

  close(): void {
    this.#wanted = undefined;
    this.#cancelRepeat?.();
    this.#loop.close();
    this.#stop.abort();
  }

  async #writeAll(): Promise<"done" | "retry"> {
    this.#cancelRepeat?.();
    const left = this.#due().values();
    const failures = new Set<string>();
    const work = async () => {
      // All workers take from one iterator.
      for (const known of left) {
        // oxlint-disable-next-line no-await-in-loop -- one after the other
        const failure = await this.#write(known);
        if (failure !== undefined) failures.add(failure);
      }
    };
    await Promise.all(Array.from({ length: MAX_WRITES_AT_ONCE }, work));
    for (const failure of failures) if (!this.#failures.has(failure)) this.#options.log(failure);
    this.#failures = failures;
    if (!this.#stop.signal.aborted)
      this.#cancelRepeat = this.#options.clock.after(REPEAT_MS, () => this.#loop.changed());
    return failures.size === 0 ? "done" : "retry";
  }

  #due(): Known[] {
    const due: Known[] = [];
    for (const [key, known] of this.#known) {
      const wish = this.#wishFor(key, known.ref);
      if (wish === undefined || wish === known.fulfils) continue;
      if (wish(known.status, this.#now()) === undefined) known.fulfils = wish;
      else due.push(known);
    }
    return due;
  }

  #wishFor(key: string, ref: ObjectRef): Merge | undefined {
    return this.#wanted && (this.#wanted.get(key) ?? this.#options.unwanted(ref));
  }

  /** RFC 3339, in seconds. */
  #now(): string {
    return this.#options.date().toISOString().replace(/\.\d+/, "");
  }

  /** Resolves to what went wrong. */
  async #write(known: Known): Promise<string | undefined> {
    const { ref } = known;
    try {
      await this.#patch(known, MAX_CONFLICTS);
      return undefined;
    } catch (error) {
      const isGone = error instanceof ApiError && error.status === 404;
      if (isGone || this.#stop.signal.aborted) return undefined;
      const reason = error instanceof Error ? error.message : String(error);
      return `cannot write the status of ${ref.kind} ${ref.namespace}/${ref.name}: ${reason}`;
    }
  }

  async #patch(known: Known, attempts: number): Promise<void> {
    const status = this.#wishFor(keyOfRef(known.ref), known.ref)?.(known.status, this.#now());
    if (status === undefined) return;
    const { api } = this.#options;
    const { signal } = this.#stop;
    const [path = ""] = pathsOf(known.ref);
    // With the version, so that what somebody else wrote meanwhile is not lost.
    const body = { metadata: { resourceVersion: known.resourceVersion }, status };
    try {
      this.#note(known.ref, await api.request({ method: "PATCH", path: `${path}/status`, body, signal }));
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 409) || attempts === 0) throw error;
      await this.#patch(this.#note(known.ref, await api.request({ path, signal })), attempts - 1);
    }
  }

  #note(ref: ObjectRef, object: unknown): Known {
    const { metadata, status } = readJson(written, object);
    const known = { ref, resourceVersion: metadata.resourceVersion, status };
    this.#known.set(keyOfRef(ref), known);
    return known;
  }
}

const written = part({ metadata: part({ resourceVersion: string }), status: either(anything, undefined) });
