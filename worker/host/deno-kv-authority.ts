/**
 * The table's authority where isolates share a Deno KV: each has all of it in memory, follows what the others write, and
 * answers a push when the KV has it.
 */
import { Code, ConnectError } from "@connectrpc/connect";
import type { PushRequest } from "../../proto/gen/edgeway/v1/sync_pb.js";
import { Authority, type AuthorityOptions, type Pushed } from "../admin/authority.ts";
import type { SyncAuthority } from "../admin/sync-service.ts";
import { KvParts, pointerKey } from "./deno-kv.ts";

/** When each cluster's agent reported last, Unix milliseconds: to whichever isolate. */
const reportsKey: Deno.KvKey = ["edgeway", "reports"];
type Reports = Readonly<Record<string, number>>;

/** Milliseconds between the reports of a cluster that are written: the others need not know of each. */
const reportMs = 30_000;
/** Milliseconds until the KV is followed again after that failed. */
const againMs = 1_000;
/** Milliseconds after which the KV is read in any case: processes that share a file are told of no change. */
const lookMs = 5_000;
/** Times that a push, or what forgets a cluster, is tried while others push. */
const attempts = 5;

export interface KvAuthorityOptions extends Omit<AuthorityOptions, "epoch"> {
  /** Gets a line when the KV cannot be followed, and when a cluster falls silent or is heard again. */
  readonly log: (line: string) => void;
}

export class KvAuthority implements SyncAuthority {
  readonly #kv: Deno.Kv;
  readonly #options: KvAuthorityOptions;
  #parts: KvParts;
  #authority: Authority;
  /** What was known of the clusters' reports when they were last looked at. */
  #reports: Reports = {};
  /** What is read and written, one after the other. */
  #turn: Promise<unknown> = Promise.resolve();
  #following: ReadableStreamDefaultReader<readonly Deno.KvEntry<unknown>[]> | undefined;
  readonly #looking: ReturnType<typeof setInterval>;
  #closed = false;

  private constructor(kv: Deno.Kv, parts: KvParts, options: KvAuthorityOptions) {
    this.#kv = kv;
    this.#options = options;
    this.#parts = parts;
    this.#authority = this.#over(parts);
    this.#looking = setInterval(() => void this.#look(), lookMs);
    void this.#follow();
  }

  static async open(kv: Deno.Kv, options: KvAuthorityOptions): Promise<KvAuthority> {
    return new KvAuthority(kv, await KvParts.read(kv), options);
  }

  /** The one of the moment: another takes its place when another isolate has changed the table. */
  get current(): Authority {
    return this.#authority;
  }

  get(cluster: string): ReturnType<Authority["get"]> {
    return this.#authority.get(cluster);
  }

  status(): ReturnType<Authority["status"]> {
    return this.#authority.status();
  }

  push(request: PushRequest): Promise<Pushed> {
    return this.#inTurn(() => this.#write((authority) => authority.push(request)));
  }

  forget(cluster: string): Promise<void> {
    return this.#inTurn(() => this.#write((authority) => authority.forget(cluster)));
  }

  async report(cluster: string): Promise<void> {
    this.#authority.report(cluster);
    const now = this.#options.now();
    if (this.#authority.get(cluster) === undefined || now - (this.#reports[cluster] ?? 0) < reportMs) return;
    const { value, versionstamp } = await this.#kv.get<Reports>(reportsKey);
    this.#reports = { ...value, [cluster]: now };
    // If another was quicker, the next report will be written.
    await this.#kv.atomic().check({ key: reportsKey, versionstamp }).set(reportsKey, this.#reports).commit();
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#looking);
    this.#following?.cancel().catch(() => {}); // it may have ended
    this.#kv.close();
  }

  #over(parts: KvParts): Authority {
    const takesOver = this.#authority && { takesOver: this.#authority };
    return new Authority(parts, { ...this.#options, ...takesOver, epoch: crypto.randomUUID() });
  }

  #inTurn<T>(run: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(run);
    this.#turn = done.catch(() => {}); // who waits for it is told
    return done;
  }

  async #write<T>(change: (authority: Authority) => T): Promise<T> {
    for (let attempt = 0; attempt < attempts; attempt++) {
      // oxlint-disable-next-line no-await-in-loop -- until nobody is quicker
      await this.#refresh();
      const outcome = change(this.#authority);
      // oxlint-disable-next-line no-await-in-loop
      if (await this.#commit()) return outcome;
      // oxlint-disable-next-line no-await-in-loop
      this.#take(await KvParts.read(this.#kv));
    }
    throw new ConnectError("others push at the same time: try again", Code.Aborted);
  }

  /** What cannot be written is not served either. */
  async #commit(): Promise<boolean> {
    try {
      return await this.#parts.commit();
    } catch (error) {
      this.#take(await KvParts.read(this.#kv));
      throw new ConnectError(`Deno KV cannot be written: ${(error as Error).message}`, Code.Unavailable);
    }
  }

  /** Takes what others have written. */
  async #refresh(): Promise<void> {
    const { versionstamp } = await this.#kv.get(pointerKey);
    if (versionstamp !== this.#parts.versionstamp) this.#take(await KvParts.read(this.#kv));
  }

  #take(parts: KvParts): void {
    this.#authority.noticeStale();
    this.#parts = parts;
    this.#authority = this.#over(parts);
    this.#options.onChange?.();
  }

  async #follow(): Promise<void> {
    while (!this.#closed) {
      try {
        this.#following = this.#kv.watch([pointerKey, reportsKey]).getReader();
        // oxlint-disable-next-line no-await-in-loop -- as long as it lasts
        await this.#followAll(this.#following);
      } catch (error) {
        if (!this.#closed) this.#options.log(`Deno KV cannot be followed: ${(error as Error).message}`);
      }
      // oxlint-disable-next-line no-await-in-loop
      if (!this.#closed) await new Promise((resolve) => setTimeout(resolve, againMs));
    }
  }

  async #followAll(changes: ReadableStreamDefaultReader<readonly Deno.KvEntry<unknown>[]>): Promise<void> {
    for (;;) {
      // oxlint-disable-next-line no-await-in-loop -- one change after the other
      const { done, value } = await changes.read();
      if (done) return;
      // oxlint-disable-next-line no-await-in-loop
      await this.#inTurn(() => this.#refresh());
      const [, reports] = value;
      this.#hear((reports?.value ?? {}) as Reports);
    }
  }

  async #look(): Promise<void> {
    try {
      await this.#inTurn(() => this.#refresh());
      this.#hear((await this.#kv.get<Reports>(reportsKey)).value ?? {});
    } catch (error) {
      if (!this.#closed) this.#options.log(`Deno KV cannot be read: ${(error as Error).message}`);
    }
  }

  #hear(reports: Reports): void {
    for (const [cluster, at] of Object.entries(reports)) {
      if (at > (this.#reports[cluster] ?? 0)) this.#authority.report(cluster, at);
    }
    this.#reports = { ...this.#reports, ...reports };
  }
}
