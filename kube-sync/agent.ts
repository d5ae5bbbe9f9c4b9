import { isDeepStrictEqual } from "node:util";
import type { Issue } from "../proto/gen/edgeway/v1/sync_pb.js";
import type { ClusterTable } from "../proto/gen/edgeway/v1/table_pb.js";
import { forms } from "../routes/syntax.ts";
import type { Clock, Random } from "./clock.ts";
import { systemClock } from "./clock.ts";
import { Contact } from "./contact.ts";
import { Collector } from "./descriptors/collector.ts";
import { reflect } from "./descriptors/reflection.ts";
import { Loop } from "./loop.ts";
import type { Kind } from "./objects/object.ts";
import { Overwrites } from "./overwrites.ts";
import type { Heartbeat, PushOutcome, Token } from "./push.ts";
import { connectEdge, Pusher } from "./push.ts";
import type { ReportEntry } from "./report.ts";
import { sortReport } from "./report.ts";
import type { Source } from "./source.ts";
import { Store } from "./store.ts";
import type { Certificate } from "./translate/certificates.ts";
import type { TranslateOptions } from "./translate/context.ts";
import type { Translation } from "./translate/translate.ts";
import { Translator } from "./translate/translate.ts";
import { servedRoutes } from "./withheld.ts";

/** Changes come in bursts; what comes later than this waits for the next run. */
const HOLD_OFF_MS = 5;
/** How often to ask whether the edge still has the table. */
const CHECK_MS = 15_000;
/** How long the first table waits for what servers tell of themselves. */
const FIRST_ANSWERS_MS = 3_000;

export interface AgentOptions extends TranslateOptions {
  readonly source: Source;
  /** Such as "http://127.0.0.1:8787". */
  readonly edgeUrl: string;
  readonly token: Token;
  /** The listeners' certificates, at first and when they change. */
  readonly onCertificates?: (certificates: readonly Certificate[]) => void;
  /** What users should know about their objects, at first and when it changes. */
  readonly onReport?: (report: readonly ReportEntry[]) => void;
  /** After each run, also where there was nothing to send. */
  readonly onPush?: (push: Push) => void;
  /** After each report to the edge, also where it was due but is not made as pushes fail. */
  readonly onHeartbeat?: (heartbeat: Heartbeat) => void;
  /** The edge had a table of this cluster that another agent pushed while this one led. */
  readonly onOverwritten?: () => void;
  /** Before each message to the edge: its size. */
  readonly onPushBytes?: (bytes: number) => void;
  readonly log: (line: string) => void;
  readonly clock?: Clock;
  readonly random?: Random;
}

/** What one run made of the objects, and what the edge said of it. */
export interface Push {
  readonly translation: Translation;
  readonly outcome: PushOutcome;
  /** Milliseconds that the translation took. */
  readonly translateMs: number;
}

/**
 * Starts an agent that leads, and resolves once the edge has accepted the first table; until then it tries again, and
 * says why.
 * @throws an Error that says what is wrong with the cluster's name, or the source's.
 */
export async function startAgent(options: AgentOptions): Promise<Agent> {
  const agent = new Agent(options);
  try {
    await agent.start();
  } catch (error) {
    agent.close();
    throw error;
  }
  agent.lead(true);
  await agent.accepted;
  return agent;
}

/**
 * Keeps the edge's table of one cluster equal to the cluster's objects, while it leads: of several agents of one cluster
 * only one may.
 */
export class Agent {
  readonly #options: AgentOptions;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #store = new Store();
  readonly #translator: Translator;
  readonly #pusher: Pusher;
  readonly #contact: Contact;
  readonly #overwrites = new Overwrites();
  readonly #loop: Loop;
  readonly #collector: Collector;
  readonly #stop = new AbortController();
  readonly #accepted = Promise.withResolvers<void>();
  /** Aborted when it no longer leads; undefined while it does not. */
  #term: AbortController | undefined;
  /** Problems that have no object: they are found before translation. */
  #sourceReport: readonly ReportEntry[] = [];
  /** What the edge accepted but does not serve. */
  #withheld: readonly ReportEntry[] = [];
  #report: readonly ReportEntry[] | undefined;
  #certificates: readonly Certificate[] | undefined;
  #synced = false;
  #hasPushed = false;
  #cancelCheck: (() => void) | undefined;

  /** @throws an Error that says what is wrong with the cluster's name. */
  constructor(options: AgentOptions) {
    if (!forms.name.holds(options.cluster)) throw new Error(`cluster "${options.cluster}": must be ${forms.name.says}`);
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#translator = new Translator(options);
    const edge = connectEdge(options.edgeUrl, options.token, options.onPushBytes);
    this.#pusher = new Pusher(edge, Date.now, (revision) => this.#noteOverwritten(revision));
    this.#contact = new Contact(options);
    const { clock, random } = { clock: this.#clock, random: this.#random };
    this.#loop = new Loop({ clock, random, holdOffMs: HOLD_OFF_MS, run: () => this.#sync() });
    this.#collector = new Collector({ clock, random, reflect, onChange: () => this.#loop.changed() });
  }

  /** Resolves once the edge has accepted a table of this agent's. */
  get accepted(): Promise<void> {
    return this.#accepted.promise;
  }

  /** Why the edge cannot go by it just now; undefined if it can, or another one leads. */
  get trouble(): string | undefined {
    if (!this.#synced) return "not all objects of the cluster are known yet";
    if (this.#term === undefined) return undefined;
    if (this.#hasPushed) return this.#contact.lost;
    const { failure } = this.#contact;
    return `the edge has not accepted a table yet${failure === undefined ? "" : `: ${failure}`}`;
  }

  /** How many objects it has, by kind. */
  objectCounts(): ReadonlyMap<Kind, number> {
    return this.#store.counts();
  }

  /**
   * Resolves once it has all objects of its source.
   * @throws an Error in one line when the source cannot be read.
   */
  async start(): Promise<void> {
    await this.#options.source({
      store: this.#store,
      changed: () => this.#loop.changed(),
      report: (entries) => {
        if (isDeepStrictEqual(entries, this.#sourceReport)) return;
        this.#sourceReport = entries;
        this.#loop.changed();
      },
      log: this.#options.log,
      clock: this.#clock,
      random: this.#random,
      signal: this.#stop.signal,
    });
    this.#synced = true;
    this.#loop.changed();
  }

  /** From now on it pushes, or no longer does; a push under way is given up then. */
  lead(leading: boolean): void {
    if (leading === (this.#term !== undefined) || this.#stop.signal.aborted) return;
    this.#term?.abort();
    this.#cancelCheck?.();
    this.#contact.reset();
    this.#term = leading ? new AbortController() : undefined;
    if (!leading) return;
    // Others may have pushed since.
    this.#pusher.forget();
    this.#loop.changed();
    this.#checkLater();
  }

  /** Stops watching and pushing; a push under way is given up. */
  close(): void {
    this.lead(false);
    this.#stop.abort();
    this.#loop.close();
    this.#collector.close();
  }

  #checkLater(): void {
    this.#cancelCheck = this.#clock.after(CHECK_MS, () => void this.#check());
  }

  async #check(): Promise<void> {
    const term = this.#term;
    if (term === undefined) return;
    const heartbeat = await this.#pusher.heartbeat(this.#options.cluster, term.signal);
    if (term.signal.aborted) return;
    // While pushes fail there are no reports: those that would be due fail with them.
    const reason = this.#contact.failure;
    if (heartbeat !== undefined) this.#noteHeartbeat(heartbeat);
    else if (reason !== undefined) this.#noteHeartbeat({ kind: "failed", reason });
    this.#checkLater();
  }

  #noteHeartbeat(heartbeat: Heartbeat): void {
    if (heartbeat.kind === "failed") this.#contact.failed("report", heartbeat.reason);
    else this.#contact.answered("report");
    if (heartbeat.kind === "stale") this.#loop.changed();
    this.#options.onHeartbeat?.(heartbeat);
  }

  #noteOverwritten(revision: bigint): void {
    const { cluster, log } = this.#options;
    this.#options.onOverwritten?.();
    if (!this.#overwrites.happened(this.#clock.now())) return;
    const seen = `the edge has revision ${revision} of ${cluster}, which this agent did not push`;
    log(`${cluster}: ${seen}: is another agent named ${cluster}?`);
  }

  async #sync(): Promise<"done" | "retry"> {
    const term = this.#term;
    if (!this.#synced || term === undefined) return "done";
    let began = this.#clock.now();
    let translation = this.#translate();
    if (this.#report === undefined) {
      // An edge that has descriptors from before would lose them to a first table without.
      await this.#collector.settled(FIRST_ANSWERS_MS);
      began = this.#clock.now();
      translation = this.#translate();
    }
    const translateMs = this.#clock.now() - began;
    this.#publish(translation);
    const outcome = await this.#pusher.push(translation.table, term.signal);
    if (term.signal.aborted) return "done";
    this.#note(outcome, translation.table);
    this.#publish(translation);
    this.#options.onPush?.({ translation, outcome, translateMs });
    return outcome.kind === "failed" ? "retry" : "done";
  }

  #translate(): Translation {
    const translation = this.#translator.translate(this.#store.objects(), this.#collector.sets());
    this.#collector.want(translation.origins);
    return translation;
  }

  #publish({ certificates, report: found }: Translation): void {
    const report = sortReport([...this.#sourceReport, ...found, ...this.#collector.report(), ...this.#withheld]);
    if (!isDeepStrictEqual(certificates, this.#certificates)) this.#options.onCertificates?.(certificates);
    if (!isDeepStrictEqual(report, this.#report)) this.#options.onReport?.(report);
    this.#certificates = certificates;
    this.#report = report;
  }

  #note(outcome: PushOutcome, table: ClusterTable): void {
    const { cluster, log } = this.#options;
    if (outcome.kind === "failed") return this.#contact.failed("push", outcome.reason);
    // Without anything to send, nobody was asked.
    if (outcome.kind === "refused" || outcome.sent !== undefined) this.#contact.answered("push");
    if (outcome.kind === "accepted") {
      const routes = servedRoutes(outcome.withheld, table);
      const live = `${routes} ${routes === 1 ? "route" : "routes"}`;
      if (outcome.sent !== undefined) log(`${cluster}: revision ${outcome.revision} is live: ${live}`);
      this.#withheld = outcome.withheld.map(withheldEntry);
      this.#hasPushed = true;
      this.#accepted.resolve();
    } else {
      log(`${cluster}: the edge refused the table and keeps the last one: ${outcome.reason}`);
      for (const { source, field, reason } of outcome.issues) {
        log(`${cluster}: ${source?.kind} ${source?.namespace}/${source?.name} ${field}: ${reason}`);
      }
    }
  }
}

function withheldEntry({ source, field, reason }: Issue): ReportEntry {
  const { kind = "", namespace = "", name = "" } = source ?? {};
  const why = `not served: ${[field, reason].filter((part) => part !== "").join(" ")}`;
  return { source: { kind, namespace, name, file: "" }, level: "error", field: "", reason: why };
}
