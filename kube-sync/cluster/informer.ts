import type { Clock, Random } from "../clock.ts";
import { anything, either, integer, listOrEmpty, part, string } from "../objects/read.ts";
import type { KubeApi } from "./api.ts";
import { ApiError } from "./api.ts";
import { readJson } from "./json.ts";
import type { Resource } from "./resources.ts";
import { apiVersionOf, rootOf } from "./resources.ts";

/** What becomes of the objects of one kind. */
export interface InformerSink<T> {
  /** These are all. */
  replaced(objects: readonly T[]): void;
  put(object: T): void;
  deleted(object: T): void;
  /** The API server is not reached, or says no; undefined: all is well again. Called when it changes. */
  problem(problem: InformerProblem | undefined): void;
  restarted(why: "watch" | "list"): void;
}

export interface InformerProblem {
  /** Whether the API server said it; otherwise it says nothing. */
  readonly answered: boolean;
  readonly reason: string;
}

export interface InformerOptions<T> {
  readonly api: KubeApi;
  readonly resource: Resource;
  /** From the API's JSON, with apiVersion and kind set. */
  readonly read: (object: Readonly<Record<string, unknown>>) => T;
  readonly sink: InformerSink<T>;
  readonly clock: Clock;
  readonly random: Random;
  readonly signal: AbortSignal;
}

/** Up to where the objects are known. */
interface Place {
  readonly apiVersion: string;
  /** Such as "/apis/GROUP/VERSION/PLURAL". */
  readonly path: string;
  resourceVersion: string;
}

const PAGE = 500;
const FIRST_RETRY_MS = 200;
const MAX_RETRY_MS = 10_000;
/** How often to look for a kind that the cluster does not have, and to ask again for what is forbidden. */
const ABSENT_MS = 10_000;
/** A watch that lived for this long was a good one: what ends it is no reason to be slow. */
const GOOD_WATCH_MS = 5_000;
/** Servers end watches after this, and up to twice as long, so that not all end together. */
const WATCH_SECONDS = 300;

const GONE = 410;
const NOT_FOUND = 404;
const FORBIDDEN = 403;

/**
 * Keeps a copy of all objects of one kind: lists them, then watches from the list's resource version on. A watch that
 * breaks resumes from the last version seen, which bookmarks keep fresh; where the server has forgotten that version,
 * all is listed anew. A kind that the server does not have is empty until it does. Whatever else fails leaves the last
 * objects and is tried again, with a delay that doubles, and full jitter.
 */
export class Informer<T> {
  readonly #options: InformerOptions<T>;
  /** Undefined while all is to be listed. */
  #at: Place | undefined;
  #failures = 0;
  #problem: InformerProblem | undefined;

  constructor(options: InformerOptions<T>) {
    this.#options = options;
  }

  /** Runs until the signal is aborted. Never rejects. */
  async run(): Promise<void> {
    const { signal, clock } = this.#options;
    while (!signal.aborted) {
      const began = clock.now();
      // oxlint-disable-next-line no-await-in-loop -- one step after the other
      const pause = await this.#step().catch((error: unknown) => this.#failed(error, clock.now() - began));
      // oxlint-disable-next-line no-await-in-loop -- likewise
      if (!signal.aborted) await this.#sleep(pause);
    }
  }

  /** Lists, or watches until the watch ends. Resolves to how many milliseconds to wait. */
  async #step(): Promise<number> {
    if (this.#at === undefined) return await this.#list();
    const began = this.#options.clock.now();
    this.#options.sink.restarted("watch");
    await this.#watch(this.#at);
    if (this.#options.clock.now() - began < GOOD_WATCH_MS) return this.#backoff();
    this.#failures = 0;
    return 0;
  }

  async #list(): Promise<number> {
    const { resource, sink } = this.#options;
    sink.restarted("list");
    for (const version of resource.versions) {
      try {
        // oxlint-disable-next-line no-await-in-loop -- the next only if there is none
        const { objects, at } = await this.#listVersion(version);
        this.#at = at;
        sink.replaced(objects);
        this.#say(undefined);
        return 0;
      } catch (error) {
        if (!isStatus(error, NOT_FOUND)) throw error;
      }
    }
    sink.replaced([]);
    this.#say(undefined);
    return this.#later(ABSENT_MS);
  }

  async #listVersion(version: string) {
    const { api, resource, read, signal } = this.#options;
    const apiVersion = apiVersionOf(resource, version);
    const path = `${rootOf(apiVersion)}/${resource.plural}`;
    const objects: T[] = [];
    let next: Record<string, string> = {};
    for (;;) {
      const query = { limit: String(PAGE), ...selector(resource), ...next };
      // oxlint-disable-next-line no-await-in-loop -- one page in memory at a time
      const { metadata, items } = readJson(listPage, await api.request({ path, query, signal }));
      for (const item of items) objects.push(read({ ...Object(item), apiVersion, kind: resource.kind }));
      const { resourceVersion } = metadata;
      if (metadata.continue === "") return { objects, at: { apiVersion, path, resourceVersion } };
      next = { continue: metadata.continue };
    }
  }

  async #watch(at: Place): Promise<void> {
    const { api, resource, random, signal } = this.#options;
    const query = {
      watch: "1",
      allowWatchBookmarks: "true",
      resourceVersion: at.resourceVersion,
      timeoutSeconds: String(Math.floor(WATCH_SECONDS * (1 + random()))),
      ...selector(resource),
    };
    const events = await api.watch({ path: at.path, query, signal });
    this.#say(undefined);
    for await (const line of events) {
      const { type, object } = readJson(watchEvent, line);
      if (type === "ERROR") throw statusOf(object);
      this.#happened(type, { ...Object(object), apiVersion: at.apiVersion, kind: resource.kind });
      at.resourceVersion = readJson(versioned, object).metadata.resourceVersion;
      this.#failures = 0;
    }
  }

  #happened(type: string, object: Readonly<Record<string, unknown>>): void {
    const { sink, read } = this.#options;
    if (type === "ADDED" || type === "MODIFIED") sink.put(read(object));
    if (type === "DELETED") sink.deleted(read(object));
  }

  /** Returns how many milliseconds to wait. */
  #failed(error: unknown, lastedMs: number): number {
    if (this.#options.signal.aborted) return 0;
    if (lastedMs >= GOOD_WATCH_MS) this.#failures = 0;
    if (isStatus(error, GONE) || isStatus(error, NOT_FOUND)) {
      // The version is forgotten; or the kind was taken away under the watch, or is served in another version only.
      this.#at = undefined;
      return this.#backoff();
    }
    const reason = error instanceof Error ? error.message : String(error);
    this.#say({ answered: error instanceof ApiError, reason });
    return isStatus(error, FORBIDDEN) ? this.#later(ABSENT_MS) : this.#backoff();
  }

  #say(problem: InformerProblem | undefined): void {
    const before = this.#problem;
    const same = problem?.answered ? problem.reason === before?.reason : problem?.answered === before?.answered;
    if (same) return;
    this.#problem = problem;
    this.#options.sink.problem(problem);
  }

  #backoff(): number {
    const limit = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(this.#failures, 16));
    this.#failures += 1;
    return limit * this.#options.random();
  }

  #later(ms: number): number {
    return ms * (0.5 + this.#options.random() / 2);
  }

  #sleep(ms: number): Promise<void> {
    const { clock, signal } = this.#options;
    return new Promise((resolve) => {
      const wake = () => {
        cancel();
        signal.removeEventListener("abort", wake);
        resolve();
      };
      const cancel = clock.after(ms, wake);
      signal.addEventListener("abort", wake);
    });
  }
}

const versioned = part({ metadata: part({ resourceVersion: string }) });
const listPage = part({
  metadata: part({ resourceVersion: string, continue: either(string, "") }),
  items: listOrEmpty(anything),
});
const watchEvent = part({ type: string, object: anything });
const failure = part({ code: either(integer(0, 999), 0), message: either(string, "the watch failed") });

function selector({ fieldSelector }: Resource): Record<string, string> {
  return fieldSelector === undefined ? {} : { fieldSelector };
}

function statusOf(object: unknown): ApiError {
  const { code, message } = readJson(failure, object);
  return new ApiError(code, message);
}

function isStatus(error: unknown, status: number): boolean {
  return error instanceof ApiError && error.status === status;
}
