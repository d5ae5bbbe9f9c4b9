import { isDeepStrictEqual } from "node:util";
import { forms } from "../routes/syntax.ts";
import type { Clock, Random } from "./clock.ts";
import { systemClock } from "./clock.ts";
import { Collector } from "./descriptors/collector.ts";
import { reflect } from "./descriptors/reflection.ts";
import { Loop } from "./loop.ts";
import type { PushOutcome } from "./push.ts";
import { connectEdge, Pusher } from "./push.ts";
import type { ReportEntry } from "./report.ts";
import { sortReport } from "./report.ts";
import type { FilesSource } from "./source-files.ts";
import { watchFiles } from "./source-files.ts";
import { Store } from "./store.ts";
import type { Certificate } from "./translate/certificates.ts";
import type { Translation } from "./translate/translate.ts";
import { translate } from "./translate/translate.ts";

/** How often to ask whether the edge still has the table. */
const CHECK_MS = 15_000;
/** How long the first table waits for what servers tell of themselves. */
const FIRST_ANSWERS_MS = 3_000;

export interface AgentOptions {
  /** The cluster's name at the edge. */
  readonly cluster: string;
  /** Of manifests, watched. */
  readonly directory: string;
  /** For development: takes every IngressClass and GatewayClass for Edgeway's own, and an Ingress without one too. */
  readonly adoptAll: boolean;
  /** Such as "http://127.0.0.1:8787". */
  readonly edgeUrl: string;
  readonly token: string;
  /** The listeners' certificates, at first and when they change. */
  readonly onCertificates?: (certificates: readonly Certificate[]) => void;
  /** What users should know about their objects, at first and when it changes. */
  readonly onReport?: (report: readonly ReportEntry[]) => void;
  readonly log: (line: string) => void;
  readonly clock?: Clock;
  readonly random?: Random;
}

export interface Agent {
  /** Stops watching and pushing; a push under way is given up. */
  close(): void;
}

/**
 * Keeps the edge's table of one cluster equal to the manifests of a directory. Resolves once the edge has accepted the
 * first table; until then it tries again, and says why.
 * @throws an Error that says what is wrong with the cluster's name, or with the directory when it cannot be read.
 */
export async function startAgent(options: AgentOptions): Promise<Agent> {
  if (!forms.name.holds(options.cluster)) throw new Error(`cluster "${options.cluster}": must be ${forms.name.says}`);
  const agent = new FileAgent(options);
  await agent.start();
  return agent;
}

class FileAgent implements Agent {
  readonly #options: AgentOptions;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #store = new Store();
  readonly #pusher: Pusher;
  readonly #loop: Loop;
  readonly #collector: Collector;
  readonly #stop = new AbortController();
  readonly #accepted = Promise.withResolvers<void>();
  /** Problems that have no object: they are found before translation. */
  #sourceReport: readonly ReportEntry[] = [];
  #report: readonly ReportEntry[] | undefined;
  #certificates: readonly Certificate[] | undefined;
  #lastFailure = "";
  #files: FilesSource | undefined;
  #cancelCheck: (() => void) | undefined;

  constructor(options: AgentOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#pusher = new Pusher(connectEdge(options.edgeUrl, options.token));
    this.#loop = new Loop({ clock: this.#clock, random: this.#random, run: () => this.#sync() });
    this.#collector = new Collector({
      clock: this.#clock,
      random: this.#random,
      reflect,
      onChange: () => this.#loop.changed(),
    });
  }

  async start(): Promise<void> {
    const { directory, log } = this.#options;
    this.#files = await watchFiles({
      directory,
      clock: this.#clock,
      random: this.#random,
      onError: log,
      onRead: ({ objects, report }) => {
        const replaced = this.#store.replace(objects);
        const sourceReport = [...report, ...replaced.report];
        const changed =
          replaced.changed || this.#report === undefined || !isDeepStrictEqual(sourceReport, this.#sourceReport);
        this.#sourceReport = sourceReport;
        if (changed) this.#loop.changed();
      },
    });
    await this.#accepted.promise;
    this.#checkLater();
  }

  close(): void {
    this.#stop.abort();
    this.#loop.close();
    this.#collector.close();
    this.#cancelCheck?.();
    this.#files?.close();
  }

  #checkLater(): void {
    this.#cancelCheck = this.#clock.after(CHECK_MS, () => void this.#check());
  }

  async #check(): Promise<void> {
    if (await this.#pusher.isStale(this.#options.cluster, this.#stop.signal)) this.#loop.changed();
    if (!this.#stop.signal.aborted) this.#checkLater();
  }

  async #sync(): Promise<"done" | "retry"> {
    let translation = this.#translate();
    if (this.#report === undefined) {
      // An edge that has descriptors from before would lose them to a first table without.
      await this.#collector.settled(FIRST_ANSWERS_MS);
      translation = this.#translate();
    }
    const { table, certificates, report } = translation;
    this.#publish(certificates, sortReport([...this.#sourceReport, ...report, ...this.#collector.report()]));
    const outcome = await this.#pusher.push(table, this.#stop.signal);
    if (!this.#stop.signal.aborted) this.#note(outcome, table.routes.length);
    return outcome.kind === "failed" ? "retry" : "done";
  }

  #translate(): Translation {
    const translation = translate(this.#store.objects(), this.#options, this.#collector.sets());
    this.#collector.want(translation.origins);
    return translation;
  }

  #publish(certificates: readonly Certificate[], report: readonly ReportEntry[]): void {
    if (!isDeepStrictEqual(certificates, this.#certificates)) this.#options.onCertificates?.(certificates);
    if (!isDeepStrictEqual(report, this.#report)) this.#options.onReport?.(report);
    this.#certificates = certificates;
    this.#report = report;
  }

  #note(outcome: PushOutcome, routes: number): void {
    const { cluster, log } = this.#options;
    if (outcome.kind === "accepted") {
      if (outcome.sent !== undefined) log(`${cluster}: revision ${outcome.revision} is live: ${routes} routes`);
      this.#accepted.resolve();
      this.#lastFailure = "";
    } else if (outcome.kind === "refused") {
      log(`${cluster}: the edge refused the table and keeps the last one: ${outcome.reason}`);
      for (const { source, field, reason } of outcome.issues) {
        log(`${cluster}: ${source?.kind} ${source?.namespace}/${source?.name} ${field}: ${reason}`);
      }
    } else if (outcome.reason !== this.#lastFailure) {
      // Once, not at each attempt.
      this.#lastFailure = outcome.reason;
      log(`${cluster}: cannot push, trying again: ${outcome.reason}`);
    }
  }
}
