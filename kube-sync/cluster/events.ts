import { createHash } from "node:crypto";
import type { Clock } from "../clock.ts";
import { either, integer, optional, part, string } from "../objects/read.ts";
import type { ReportEntry } from "../report.ts";
import type { KubeApi } from "./api.ts";
import { ApiError } from "./api.ts";
import { readJson } from "./json.ts";
import { microTime } from "./leader.ts";
import { pathsOf } from "./resources.ts";

/** One each; and as many at once after a quiet time. */
const EACH_MS = 200;
const BURST = 25;
/** The API server forgets an Event after an hour, so what is still so is said again. */
const REPEAT_MS = 50 * 60_000;
/** The API server's limit. */
const MAX_NOTE = 1024;
/** Of an Event's name, to leave room for what makes it unique. */
const MAX_NAME = 230;

const REPORTER = "edgeway.dev/kube-sync";

interface EventsOptions {
  readonly api: KubeApi;
  /** The reporting instance: the Pod's name. */
  readonly identity: string;
  readonly clock: Clock;
  readonly date: () => Date;
  readonly log: (line: string) => void;
}

interface Said {
  readonly entry: ReportEntry;
  /** When to say it, or to say it again. */
  dueAt: number;
}

/**
 * Tells the report as events.k8s.io/v1 Events of the objects that it is about: errors and warnings, each once while it
 * lasts, and so many at a time that the API server does not mind.
 */
export class Events {
  readonly #options: EventsOptions;
  readonly #stop = new AbortController();
  #entries: readonly ReportEntry[] | undefined;
  /** In the order in which they came. */
  #said = new Map<string, Said>();
  #tokens = BURST;
  #filledAt: number;
  #busy = false;
  #lastFailure = "";
  #cancel: (() => void) | undefined;

  constructor(options: EventsOptions) {
    this.#options = options;
    this.#filledAt = options.clock.now();
  }

  /** This is all that there is to say now. Nothing happens for the same list again. */
  report(entries: readonly ReportEntry[]): void {
    if (entries === this.#entries) return;
    this.#entries = entries;
    const now = this.#options.clock.now();
    const next = new Map<string, Said>();
    for (const entry of entries) {
      if (entry.level === "info" || pathsOf(entry.source).length === 0) continue;
      const key = JSON.stringify(entry);
      next.set(key, this.#said.get(key) ?? { entry, dueAt: now });
    }
    this.#said = next;
    void this.#sayDue();
  }

  close(): void {
    this.#cancel?.();
    this.#said.clear();
    this.#stop.abort();
  }

  async #sayDue(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    this.#cancel?.();
    try {
      for (let due = this.#next(); due !== undefined && this.#mayWrite(); due = this.#next()) {
        due.dueAt = this.#options.clock.now() + REPEAT_MS;
        // oxlint-disable-next-line no-await-in-loop -- one after the other
        await this.#say(due.entry);
      }
    } finally {
      this.#busy = false;
    }
    if (this.#said.size > 0) this.#cancel = this.#options.clock.after(this.#waitMs(), () => void this.#sayDue());
  }

  #next(): Said | undefined {
    const now = this.#options.clock.now();
    for (const said of this.#said.values()) if (said.dueAt <= now) return said;
    return undefined;
  }

  /** Until there is something to say, and it may be said. */
  #waitMs(): number {
    const now = this.#options.clock.now();
    const due = Math.min(...Array.from(this.#said.values(), ({ dueAt }) => dueAt));
    return Math.max(EACH_MS, due - now);
  }

  #mayWrite(): boolean {
    const now = this.#options.clock.now();
    this.#tokens = Math.min(BURST, this.#tokens + (now - this.#filledAt) / EACH_MS);
    this.#filledAt = now;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  async #say(entry: ReportEntry): Promise<void> {
    try {
      await this.#write(entry);
      this.#lastFailure = "";
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (this.#stop.signal.aborted || reason === this.#lastFailure) return;
      this.#lastFailure = reason;
      this.#options.log(`cannot write an Event: ${reason}`);
    }
  }

  async #write(entry: ReportEntry): Promise<void> {
    const { api, date } = this.#options;
    const { signal } = this.#stop;
    const regarding = await this.#find(entry);
    if (regarding === undefined) return;
    const now = microTime(date());
    const event = eventOf(entry, regarding, this.#options.identity, now);
    const path = `/apis/events.k8s.io/v1/namespaces/${event.metadata.namespace}/events`;
    try {
      await api.request({ method: "POST", path, body: event, signal });
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 409)) throw error;
      // Said before, perhaps by the agent before this one.
      const own = `${path}/${event.metadata.name}`;
      const { series } = readJson(known, await api.request({ path: own, signal }));
      const body = { series: { count: (series?.count ?? 1) + 1, lastObservedTime: now } };
      await api.request({ method: "PATCH", path: own, body, signal });
    }
  }

  /** The object as an Event names it; undefined if it is gone. */
  async #find({ source }: ReportEntry): Promise<Regarding | undefined> {
    for (const path of pathsOf(source)) {
      try {
        // oxlint-disable-next-line no-await-in-loop -- the next version only if there is none
        const object = await this.#options.api.request({ path, signal: this.#stop.signal });
        const { apiVersion, kind, metadata } = readJson(named, object);
        return { apiVersion, kind, ...metadata };
      } catch (error) {
        if (!(error instanceof ApiError && error.status === 404)) throw error;
      }
    }
    return undefined;
  }
}

const known = part({ series: optional(part({ count: integer(0, 2_147_483_647) })) });
const named = part({
  apiVersion: string,
  kind: string,
  metadata: part({ name: string, namespace: optional(string), uid: either(string, "") }),
});

interface Regarding {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace: string | undefined;
  readonly uid: string;
}

/** Named by what it says, so that it is one Event whoever says it, however often. */
function eventOf({ level, field, reason }: ReportEntry, regarding: Regarding, instance: string, now: string) {
  const note = (field === "" ? reason : `${field}: ${reason}`).slice(0, MAX_NOTE);
  const hash = createHash("sha256").update(`${regarding.kind} ${regarding.uid} ${level} ${note}`).digest("hex");
  return {
    apiVersion: "events.k8s.io/v1",
    kind: "Event",
    // Those of objects without a namespace are kept in "default".
    metadata: {
      name: `${regarding.name.slice(0, MAX_NAME)}.${hash.slice(0, 16)}`,
      namespace: regarding.namespace ?? "default",
    },
    eventTime: now,
    reportingController: REPORTER,
    reportingInstance: instance,
    action: "Translate",
    reason: level === "error" ? "NotServed" : "ServedDifferently",
    regarding,
    note,
    type: "Warning",
  };
}
