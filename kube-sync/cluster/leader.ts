import type { Clock, Random } from "../clock.ts";
import { either, integer, part, string } from "../objects/read.ts";
import type { KubeApi } from "./api.ts";
import { ApiError } from "./api.ts";
import { readJson } from "./json.ts";

/** As client-go has them: how long a Lease holds without being renewed, */
const LEASE_SECONDS = 15;
/** after how long without success its holder steps down, before anyone may take it, */
const RENEW_MS = 10_000;
/** and how often it is renewed, or asked for: with up to a fifth more, so that candidates do not ask together. */
const RETRY_MS = 2_000;
const JITTER = 0.2;

export interface LeaderOptions {
  readonly api: KubeApi;
  readonly namespace: string;
  /** Of the Lease. */
  readonly name: string;
  /** Unique among the candidates, such as the Pod's name. */
  readonly identity: string;
  readonly clock: Clock;
  readonly random: Random;
  /** What time it is, for the Lease; nothing is decided by it. */
  readonly date: () => Date;
  readonly onChange: (leading: boolean) => void;
  readonly log: (line: string) => void;
}

interface Held {
  readonly holder: string;
  readonly resourceVersion: string;
  readonly seconds: number;
  readonly transitions: number;
  readonly acquireTime: string;
  readonly renewTime: string;
}

/**
 * One of several candidates leads: the holder of a coordination.k8s.io/v1 Lease, by the rules of client-go's leader
 * election. Clocks need not agree: a Lease has run out when it was not seen to change for as long as it says.
 */
export class Leader {
  readonly #options: LeaderOptions;
  readonly #stop = new AbortController();
  #held: Held | undefined;
  /** When the Lease was seen to change. */
  #seenAt = 0;
  #renewedAt = 0;
  #leading = false;
  #lastFailure = "";
  #cancel: (() => void) | undefined;
  #turn: Promise<void> = Promise.resolve();

  constructor(options: LeaderOptions) {
    this.#options = options;
  }

  start(): void {
    this.#turn = this.#take();
  }

  /** Stops, and if it leads, hands over: the Lease is anybody's at once. Never rejects. */
  async close(): Promise<void> {
    this.#cancel?.();
    const led = this.#leading;
    this.#stop.abort();
    await this.#turn;
    this.#cancel?.();
    this.#set(false);
    if (!led) return;
    try {
      const signal = AbortSignal.timeout(RETRY_MS);
      const held = await this.#read(signal);
      if (held?.holder === this.#options.identity) await this.#write({ ...held, holder: "", seconds: 1 }, signal);
    } catch (error) {
      this.#options.log(`could not hand over: ${reasonOf(error)}`);
    }
  }

  async #take(): Promise<void> {
    const { clock, random } = this.#options;
    try {
      await this.#tryInTime();
      this.#lastFailure = "";
    } catch (error) {
      this.#failed(error);
    }
    if (this.#leading && clock.now() - this.#renewedAt >= RENEW_MS) this.#set(false);
    if (this.#stop.signal.aborted) return;
    this.#cancel = clock.after(RETRY_MS * (1 + JITTER * random()), () => {
      this.#turn = this.#take();
    });
  }

  #failed(error: unknown): void {
    // Another candidate wrote it first: it will be read again.
    if (this.#stop.signal.aborted || (error instanceof ApiError && error.status === 409)) return;
    const reason = reasonOf(error);
    if (reason !== this.#lastFailure) this.#options.log(`cannot get the Lease ${this.#options.name}: ${reason}`);
    this.#lastFailure = reason;
  }

  /** A try may last until its holder would have to step down anyway. */
  async #tryInTime(): Promise<void> {
    const { clock } = this.#options;
    const slow = new AbortController();
    const left = this.#leading ? this.#renewedAt + RENEW_MS - clock.now() : RENEW_MS;
    const cancel = clock.after(Math.max(0, left), () => slow.abort(new Error("the API server is too slow")));
    try {
      await this.#tryOnce(AbortSignal.any([this.#stop.signal, slow.signal]));
    } finally {
      cancel();
    }
  }

  async #tryOnce(signal: AbortSignal): Promise<void> {
    const { clock, identity } = this.#options;
    const began = clock.now();
    this.#see(await this.#read(signal));
    const held = this.#held;
    const mine = held?.holder === identity;
    const free = held === undefined || held.holder === "" || clock.now() - this.#seenAt >= held.seconds * 1000;
    if (!mine && !free) return this.#set(false);
    const now = microTime(this.#options.date());
    const transitions = held === undefined ? 0 : held.transitions + (mine ? 0 : 1);
    const next = { holder: identity, seconds: LEASE_SECONDS, transitions, renewTime: now };
    await this.#write(
      { ...next, acquireTime: mine ? held.acquireTime : now, resourceVersion: held?.resourceVersion ?? "" },
      signal,
    );
    this.#renewedAt = began;
    if (!this.#stop.signal.aborted) this.#set(true);
  }

  #set(leading: boolean): void {
    if (leading === this.#leading) return;
    this.#leading = leading;
    this.#options.log(leading ? `leads, as ${this.#options.identity}` : "no longer leads");
    this.#options.onChange(leading);
  }

  #see(held: Held | undefined): void {
    if (held?.resourceVersion !== this.#held?.resourceVersion) this.#seenAt = this.#options.clock.now();
    this.#held = held;
  }

  /** Undefined if there is none. */
  async #read(signal: AbortSignal): Promise<Held | undefined> {
    try {
      return heldIn(await this.#options.api.request({ path: `${this.#path()}/${this.#options.name}`, signal }));
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return undefined;
      throw error;
    }
  }

  async #write({ resourceVersion, ...held }: Held, signal: AbortSignal): Promise<void> {
    const { api, namespace, name } = this.#options;
    const exists = resourceVersion !== "";
    const body = {
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: { name, namespace, ...(exists && { resourceVersion }) },
      spec: {
        holderIdentity: held.holder,
        leaseDurationSeconds: held.seconds,
        acquireTime: held.acquireTime,
        renewTime: held.renewTime,
        leaseTransitions: held.transitions,
      },
    };
    const path = exists ? `${this.#path()}/${name}` : this.#path();
    this.#see(heldIn(await api.request({ method: exists ? "PUT" : "POST", path, body, signal })));
  }

  #path(): string {
    return `/apis/coordination.k8s.io/v1/namespaces/${this.#options.namespace}/leases`;
  }
}

const lease = part({
  metadata: part({ resourceVersion: string }),
  spec: part({
    holderIdentity: either(string, ""),
    leaseDurationSeconds: either(integer(0, 2_147_483_647), LEASE_SECONDS),
    leaseTransitions: either(integer(0, 2_147_483_647), 0),
    acquireTime: either(string, ""),
    renewTime: either(string, ""),
  }),
});

function heldIn(json: unknown): Held {
  const { metadata, spec } = readJson(lease, json);
  return {
    holder: spec.holderIdentity,
    resourceVersion: metadata.resourceVersion,
    seconds: spec.leaseDurationSeconds,
    transitions: spec.leaseTransitions,
    acquireTime: spec.acquireTime,
    renewTime: spec.renewTime,
  };
}

/** Kubernetes MicroTime. */
export function microTime(date: Date): string {
  return date.toISOString().replace("Z", "000Z");
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
