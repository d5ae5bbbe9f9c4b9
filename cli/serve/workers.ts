/** The worker processes of `edgeway serve`, as the process that started them sees them. */
import cluster, { type Worker } from "node:cluster";
import { fileURLToPath } from "node:url";
import type { Processes } from "../../worker/observe/processes.ts";
import type { Traffic } from "../../worker/observe/traffic.ts";
import type { FromWorker, ToWorker } from "./messages.ts";

/** Before a worker that died as young as this is replaced: one that dies at once would keep the machine busy otherwise. */
const respawnMs = 1_000;

export interface WorkersOptions {
  readonly count: number;
  /** The first message, with the table of the moment. */
  readonly start: () => ToWorker;
  readonly log: (line: string) => void;
  /** Where what workers count is gathered. */
  readonly traffic: Traffic;
  /** Where it is gathered what they tell of themselves. */
  readonly processes: Processes;
}

export class Workers {
  readonly #options: WorkersOptions;
  /** Those that take calls, or begin to. */
  readonly #active = new Set<Worker>();
  /** Those of them that take calls. */
  readonly #ready = new Set<Worker>();
  /** Those that finish their calls. */
  readonly #retiring = new Set<Worker>();
  /** The one in whose place another begins: should it die, it has its successor already. */
  #outgoing: Worker | undefined;
  #replacing: Promise<void> = Promise.resolve();
  #stopping = false;

  constructor(options: WorkersOptions) {
    this.#options = options;
    cluster.setupPrimary({
      exec: fileURLToPath(new URL("worker.ts", import.meta.url)),
      args: [],
      serialization: "advanced",
    });
  }

  /**
   * Resolves to the listeners' ports, once every worker takes calls.
   *
   * @throws Error in one line if one cannot
   */
  async start(): Promise<readonly number[]> {
    const ready = await Promise.all(Array.from({ length: this.#options.count }, () => this.#spawn()));
    return ready[0]!;
  }

  send(message: ToWorker): void {
    for (const worker of this.#active) worker.send(message);
  }

  /**
   * Has all read the certificates' files again, and puts new workers in their place, one after the other; the old ones
   * finish their calls. Resolves when the new ones take calls.
   */
  replace(): Promise<void> {
    this.send({ kind: "reload" });
    this.#replacing = this.#replacing.then(async () => {
      const olds = [...this.#active];
      // oxlint-disable-next-line no-await-in-loop -- the others take calls meanwhile
      for (const old of olds) await this.#replaceOne(old);
    });
    return this.#replacing;
  }

  /** Does nothing if it died meanwhile: what came in its place is new. */
  async #replaceOne(old: Worker): Promise<void> {
    if (this.#stopping || !this.#active.has(old)) return;
    this.#outgoing = old;
    try {
      await this.#spawn();
      this.#retire(old);
    } catch (error) {
      if (this.#stopping) return;
      this.#options.log(`a new worker cannot start, the old one stays: ${(error as Error).message}`);
      if (old.isDead()) this.#respawn(respawnMs);
    } finally {
      this.#outgoing = undefined;
    }
  }

  /** Resolves when every worker has finished its calls and is gone, those of an earlier {@link replace} too. */
  async drain(): Promise<void> {
    this.#stopping = true;
    for (const worker of this.#active) this.#retire(worker);
    await Promise.all([...this.#retiring].map(gone));
  }

  /** Ends them with their calls. */
  end(): void {
    this.#stopping = true;
    for (const { process } of [...this.#active, ...this.#retiring]) process.kill("SIGKILL");
  }

  #retire(worker: Worker): void {
    if (!this.#active.delete(worker)) return;
    this.#ready.delete(worker);
    this.#retiring.add(worker);
    worker.send({ kind: "drain" } satisfies ToWorker);
  }

  #spawn(): Promise<readonly number[]> {
    const worker = cluster.fork();
    const born = performance.now();
    this.#active.add(worker);
    return new Promise((resolve, reject) => {
      const { traffic, processes, log } = this.#options;
      let source: string | undefined;
      // What it has said before may still be on the way when it has ended.
      worker.once("disconnect", () => {
        if (source !== undefined) traffic.gone(source);
        processes.gone(worker.process.pid!);
      });
      const ended = (how: string): void => {
        const isReady = this.#ready.delete(worker);
        this.#active.delete(worker);
        this.#retiring.delete(worker);
        if (isReady) this.#died(worker, how, performance.now() - born);
        else reject(new Error(`a worker ended before it was ready (${how})`));
      };
      worker.once("exit", (code, signal) => ended(signal ?? String(code)));
      // Of one that is told something when it has died "exit" follows; not so if there never was a process.
      worker.on("error", ({ message }) => worker.process.pid ?? ended(message));
      worker.on("message", (message: FromWorker) => {
        if (message.kind === "log") log(message.line);
        else if (message.kind === "traffic") {
          ({ source } = message.report);
          traffic.add(message.report);
        } else if (message.kind === "process") processes.set(message.state);
        else if (message.kind === "failed") reject(new Error(message.reason));
        else {
          this.#ready.add(worker);
          resolve(message.ports);
        }
      });
      worker.send(this.#options.start());
    });
  }

  #died(worker: Worker, how: string, lifeMs: number): void {
    if (this.#stopping) return;
    this.#options.log(`worker ${worker.process.pid} ended (${how}); another one takes its place`);
    if (worker === this.#outgoing) return;
    this.#respawn(lifeMs < respawnMs ? respawnMs : 0);
  }

  #respawn(delayMs: number): void {
    setTimeout(() => {
      if (this.#stopping) return;
      this.#spawn().catch((error: Error) => {
        this.#options.log(`a worker cannot start, another attempt follows: ${error.message}`);
        this.#respawn(respawnMs);
      });
    }, delayMs);
  }
}

function gone(worker: Worker): Promise<void> {
  return new Promise((resolve) => void worker.once("exit", () => resolve()));
}
