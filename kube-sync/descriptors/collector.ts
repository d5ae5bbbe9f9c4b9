import { Code, ConnectError } from "@connectrpc/connect";
import { isDeepStrictEqual } from "node:util";
import type { Clock, Random } from "../clock.ts";
import type { ObjectRef } from "../objects/object.ts";
import type { ReportEntry } from "../report.ts";
import type { ReflectionAddress } from "./reflection.ts";
import type { DescriptorSet } from "./set.ts";

/** A backend whose server can be asked for its descriptors. */
export interface Origin {
  /** The backend's key. */
  readonly key: string;
  /** The Service, to report under. */
  readonly source: ObjectRef;
  /** Any of them. */
  readonly addresses: readonly ReflectionAddress[];
}

/** Servers that are asked at once. */
const MAX_ASKING = 4;
/** Addresses of one backend that are tried in turn. */
const MAX_ADDRESSES = 3;
/** How long until a server is asked again that answered, or that said it cannot: it may have been updated in place. */
const REFRESH_MS = 10 * 60_000;
const FIRST_RETRY_MS = 5_000;

export interface CollectorOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Asks one server. Rejects with UNIMPLEMENTED if it answers no reflection. */
  readonly reflect: (address: ReflectionAddress, signal: AbortSignal) => Promise<DescriptorSet>;
  /** The sets, or what there is to report about them, are others now. */
  readonly onChange: () => void;
}

interface State {
  origin: Origin;
  set: DescriptorSet | undefined;
  /** Why it could not be asked the last time. */
  failure: string | undefined;
  failures: number;
  stage: "waiting" | "asking" | "asked";
  cancelTimer: (() => void) | undefined;
}

/**
 * Asks the servers of backends for their descriptors: once when they are new, again when their addresses change, and
 * now and then. What a server once told is kept while it does not answer.
 */
export class Collector {
  readonly #options: CollectorOptions;
  readonly #states = new Map<string, State>();
  readonly #stop = new AbortController();
  #asking = 0;
  #settled: (() => void)[] = [];

  constructor(options: CollectorOptions) {
    this.#options = options;
  }

  /** These are all the backends that there are now. */
  want(origins: readonly Origin[]): void {
    const keys = new Set(origins.map(({ key }) => key));
    for (const [key, state] of this.#states) {
      if (keys.has(key)) continue;
      state.cancelTimer?.();
      this.#states.delete(key);
    }
    for (const origin of origins) {
      const state = this.#states.get(origin.key);
      if (state === undefined) {
        const fresh = { set: undefined, failure: undefined, failures: 0, cancelTimer: undefined } as const;
        this.#states.set(origin.key, { ...fresh, origin, stage: "waiting" });
      } else if (!isDeepStrictEqual(state.origin, origin)) {
        state.origin = origin;
        state.stage = "waiting";
        state.cancelTimer?.();
      }
    }
    this.#next();
  }

  /** By backend key. */
  sets(): ReadonlyMap<string, DescriptorSet> {
    const sets = new Map<string, DescriptorSet>();
    for (const [key, { set }] of this.#states) if (set !== undefined) sets.set(key, set);
    return sets;
  }

  report(): ReportEntry[] {
    return [...this.#states.values()].flatMap(({ origin: { key, source }, failure }) =>
      failure === undefined
        ? []
        : [{ source, level: "info", field: "", reason: `no JSON and no REST for ${key}: ${failure}` } as const],
    );
  }

  /** Resolves once every backend that is known now was asked, or after `ms` milliseconds. */
  settled(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#options.clock.after(ms, resolve);
      this.#settled.push(() => {
        cancel();
        resolve();
      });
      this.#next();
    });
  }

  close(): void {
    this.#stop.abort();
    for (const { cancelTimer } of this.#states.values()) cancelTimer?.();
    this.#states.clear();
  }

  #next(): void {
    const waiting = [...this.#states.values()].filter(({ stage }) => stage === "waiting");
    for (const state of waiting.slice(0, MAX_ASKING - this.#asking)) void this.#ask(state);
    if (waiting.length > 0 || this.#asking > 0) return;
    for (const resolve of this.#settled.splice(0)) resolve();
  }

  async #ask(state: State): Promise<void> {
    const { origin, set, failure } = state;
    state.stage = "asking";
    this.#asking += 1;
    const answer = await this.#tryEach(origin.addresses);
    this.#asking -= 1;
    // Wanted no longer, or with other addresses by now.
    const current = this.#states.get(origin.key) === state && state.origin === origin;
    if (current) this.#note(state, answer);
    if (current && (state.set?.hash !== set?.hash || state.failure !== failure)) this.#options.onChange();
    this.#next();
  }

  async #tryEach(addresses: readonly ReflectionAddress[]): Promise<DescriptorSet | ConnectError> {
    let error = new ConnectError("it has no address", Code.Unavailable);
    for (const address of addresses.slice(0, MAX_ADDRESSES)) {
      try {
        // oxlint-disable-next-line no-await-in-loop -- the next only if this one fails
        return await this.#options.reflect(address, this.#stop.signal);
      } catch (thrown) {
        error = ConnectError.from(thrown);
      }
    }
    return error;
  }

  #note(state: State, answer: DescriptorSet | ConnectError): void {
    state.stage = "asked";
    const unimplemented = answer instanceof ConnectError && answer.code === Code.Unimplemented;
    if (!(answer instanceof ConnectError)) {
      state.set = answer;
      state.failure = undefined;
    } else if (unimplemented) {
      state.set = undefined;
      state.failure = "its server answers no gRPC reflection";
    } else state.failure = `gRPC reflection failed: ${answer.rawMessage}`;
    state.failures = answer instanceof ConnectError && !unimplemented ? state.failures + 1 : 0;
    const ms = state.failures === 0 ? REFRESH_MS : Math.min(REFRESH_MS, FIRST_RETRY_MS * 2 ** (state.failures - 1));
    // With jitter, so that agents do not ask all their servers at once.
    state.cancelTimer = this.#options.clock.after(ms * (0.5 + this.#options.random() / 2), () => {
      state.stage = "waiting";
      this.#next();
    });
  }
}
