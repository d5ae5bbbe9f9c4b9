/**
 * Connections to origins as a Durable Object. A Worker's sockets belong to the request that opened them; an object's
 * are shared by all its requests. One object serves one address: see {@link poolName}.
 */
import type { DurableObjectNamespace } from "@cloudflare/workers-types";
import { DurableObject } from "cloudflare:workers";
import type { Clock } from "../call/clock.ts";
import { exchange } from "../exchange.ts";
import { planFromJson } from "../plan-json.ts";
import { type Endpoint, Pool } from "../transport/pool.ts";
import { DescriptorCache, type Descriptors } from "../transcode/index.ts";
import { dial } from "./cloudflare-socket.ts";
import { respondWith } from "./fetch.ts";
import { tableAuthority } from "./table-authority.ts";
import { bodyFromStream } from "./web-streams.ts";

/** The request's header field that carries the plan: planToJson's. */
export const planHeader = "x-edgeway-plan";

export interface OriginPoolEnv {
  readonly TABLE_AUTHORITY: DurableObjectNamespace;
  readonly EDGEWAY_ORIGIN_IDLE_SECONDS: string;
}

/** The name of the object that serves `endpoint`. */
export function poolName({ host, port, tls, protocol }: Endpoint): string {
  return `${protocol}+${tls ? "tls" : "tcp"}://${host}:${port}`;
}

/**
 * Milliseconds a call may go without a byte of its answer. Workers do not see a caller leave while its request is
 * complete and its answer idle, so an abandoned stream would hold its origin for ever; Envoy's default.
 */
const idleStreamMs = 300_000;

const clock: Clock = {
  now: () => Date.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};

export class OriginPool extends DurableObject<OriginPoolEnv> {
  #pool: Pool | undefined;

  readonly #descriptors = new DescriptorCache();

  async fetch(request: Request): Promise<Response> {
    const plan = planFromJson(request.headers.get(planHeader)!);
    this.#pool ??= new Pool(plan.endpoint, {
      dial,
      clock,
      // Not a microtask: calls that arrive together then share one write.
      defer: (flush) => setTimeout(flush, 0),
      idleMs: Number(this.env.EDGEWAY_ORIGIN_IDLE_SECONDS) * 1000,
    });
    const descriptors = plan.translation && (await this.#load(plan.translation.descriptors));
    const options = { clock, send: this.#pool.handle, idleMs: idleStreamMs, descriptors: () => descriptors };
    return respondWith((answer) => exchange(plan, bodyFromStream(request.body), options, answer), request.signal);
  }

  #load(hash: string): Promise<Descriptors | undefined> {
    return this.#descriptors.load(hash, (wanted) => tableAuthority(this.env.TABLE_AUTHORITY).descriptorSet(wanted));
  }
}
