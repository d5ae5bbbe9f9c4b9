/**
 * Connections to origins as a Durable Object. A Worker's sockets belong to the request that opened them; an object's
 * are shared by all its requests. One object serves one backend, or a share of its calls, and with it those that stand in
 * for the backend: see {@link poolName}.
 */
import type { DurableObjectNamespace } from "@cloudflare/workers-types";
import { DurableObject } from "cloudflare:workers";
import type { Answer } from "../call/http.ts";
import type { Backend } from "../../routes/model.ts";
import { KnownBackends } from "../backend-json.ts";
import { newCounters } from "../http2/index.ts";
import { exchangeObserved } from "../observed.ts";
import { planFromJson } from "../plan-json.ts";
import { Origins } from "../transport/origins.ts";
import { clock } from "./cloudflare-clock.ts";
import { observe, type ObserveEnv } from "./cloudflare-observe.ts";
import { LazyDescriptors } from "./cloudflare-descriptors.ts";
import { callsPerSecond, Rate } from "./cloudflare-shards.ts";
import { dialBy, type VpcNetwork } from "./cloudflare-socket.ts";
import { millisOf } from "./cloudflare-settings.ts";
import { respondWith } from "./fetch.ts";
import { bodyFromRequest } from "./web-streams.ts";

/** The request's header field that carries the plan: planToJson's. */
export const planHeader = "x-edgeway-plan";

/** The answer's header field that says how many calls a second the object has, where they are too many. */
export const tooManyHeader = "x-edgeway-pool-calls";

/** The one that carries the plan's target of this index: backendToJson's. */
export const backendHeader = (index: number): string => `x-edgeway-backend-${index}`;

export interface OriginPoolEnv extends ObserveEnv {
  readonly TABLE_AUTHORITY: DurableObjectNamespace;
  /** After which a connection without calls is closed; 30 unless set. */
  readonly EDGEWAY_ORIGIN_IDLE_SECONDS?: string;
  /** Where backends are whose transport says so. */
  readonly VPC_NETWORK?: VpcNetwork;
}

/** The name of the object that carries the share `shard` of a backend's calls: where the hint changes, another does. */
export function poolName({ name, locationHint }: Backend, shard: number): string {
  return `${name}@${locationHint ?? ""}#${shard}`;
}

/**
 * Milliseconds a call may go without a byte of its answer. Workers do not see a caller leave while its request is
 * complete and its answer idle, so an abandoned stream would hold its origin for ever; Envoy's default.
 */
export const idleStreamMs = 300_000;

export class OriginPool extends DurableObject<OriginPoolEnv> {
  #origins: Origins | undefined;
  readonly #idleMs = millisOf("EDGEWAY_ORIGIN_IDLE_SECONDS", this.env.EDGEWAY_ORIGIN_IDLE_SECONDS, 30);
  readonly #http2 = newCounters();
  readonly #rate = new Rate();
  readonly #backends = new KnownBackends();
  #observing: ReturnType<typeof observe> | undefined;

  readonly #descriptors = new LazyDescriptors(this.env.TABLE_AUTHORITY);

  async fetch(request: Request): Promise<Response> {
    const { headers } = request;
    const plan = planFromJson(headers.get(planHeader)!, (name, index) =>
      this.#backends.get(name, headers.get(backendHeader(index))!),
    );
    this.#origins ??= new Origins({
      dial: dialBy(this.env.VPC_NETWORK),
      clock,
      http2: this.#http2,
      // Not a microtask: calls that arrive together then share one write.
      defer: (flush) => setTimeout(flush, 0),
      idleMs: this.#idleMs,
      unusedMs: this.#idleMs, // health checks keep the object awake, too
      random: Math.random,
    });
    const origins = this.#origins;
    const descriptors = plan.translation && (await this.#descriptors.load(plan.translation.descriptors));
    const { observation } = (this.#observing ??= observe(this.env, clock, () => ({
      source: this.ctx.id.toString(),
      pools: origins.stats(),
      http2: this.#http2,
    })));
    const options = { clock, send: origins.send, idleMs: idleStreamMs, descriptors: () => descriptors, observation };
    const body = bodyFromRequest(request);
    const calls = this.#rate.count(clock.now());
    const start = (answer: Answer) => exchangeObserved(plan, plan.head, body, options, answer);
    const response = await respondWith(start, request.signal);
    if (calls > callsPerSecond) response.headers.set(tooManyHeader, String(calls));
    return response;
  }
}
