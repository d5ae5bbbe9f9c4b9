/** Calls that the origin pools' Durable Objects carry out: which object does, and what is sent again when one is lost. */
import type { DurableObjectId, DurableObjectNamespace } from "@cloudflare/workers-types";
import type { Backend } from "../../routes/model.ts";
import { planAgain } from "../admission.ts";
import { backendToJson } from "../backend-json.ts";
import type { Clock } from "../call/clock.ts";
import { CallError } from "../call/error.ts";
import { Code } from "../call/status.ts";
import type { Plan } from "../plan.ts";
import { backendsOf, planToJson } from "../plan-json.ts";
import { Replay, ReplayMemory } from "../transport/replay.ts";
import { isSafe, wantsAnew } from "../transport/retry.ts";
import { isFetched } from "./cloudflare-fetch.ts";
import { Shards } from "./cloudflare-shards.ts";
import { fetchObject, isOverloaded } from "./cloudflare-stub.ts";
import { backendHeader, planHeader, poolName, tooManyHeader } from "./origin-pool.ts";
import { bodyFromStream, streamFromBody } from "./web-streams.ts";

type Hint = NonNullable<Parameters<DurableObjectNamespace["get"]>[1]>["locationHint"] & string;

export class OriginPools {
  readonly #namespace: DurableObjectNamespace;
  readonly #clock: Clock;
  readonly #shards = new Shards();
  readonly #memory = new ReplayMemory();
  /** By backend, then by shard. */
  readonly #ids = new WeakMap<Backend, DurableObjectId[]>();

  constructor(namespace: DurableObjectNamespace, clock: Clock) {
    this.#namespace = namespace;
    this.#clock = clock;
  }

  /** Carries out what is planned for `request`. Rejects if the object was lost, and the call may not be sent again. */
  exchange(all: Plan, { body, signal }: Request): Promise<Response> {
    const plan = pooled(all);
    const again = (body === null && isSafe(plan.head)) || wantsLostAgain(plan);
    return again ? this.#twice(plan, body, signal) : this.#send(plan, body, signal);
  }

  /** A body is kept by the way, while it is short enough: the runtime cannot move its bytes by itself then. */
  async #twice(plan: Plan, body: ReadableStream<Uint8Array> | null, signal: AbortSignal): Promise<Response> {
    const replay = body === null ? undefined : new Replay(bodyFromStream(body), this.#memory, () => {});
    const deadline = this.#clock.now() + (plan.timeoutMs ?? Infinity);
    const send = async (sent: Plan): Promise<Response> => {
      const tap = replay?.tap();
      try {
        const response = await this.#send(sent, tap === undefined ? null : streamFromBody(tap), signal);
        if (tap !== undefined) tap.chosen = true;
        return response;
      } catch (cause) {
        tap?.cancel(lost(cause));
        throw cause;
      }
    };
    try {
      return await send(plan);
    } catch (cause) {
      const leftMs = deadline - this.#clock.now();
      if (leftMs > 0 && !signal.aborted && !isOverloaded(cause) && replay?.whole !== false) {
        return await send(planAgain(plan, 1, leftMs));
      }
      throw cause;
    } finally {
      replay?.settle();
    }
  }

  /** The object's answer's body is returned untouched: the runtime moves its bytes without waking this Worker. */
  async #send(plan: Plan, body: ReadableStream<Uint8Array> | null, signal: AbortSignal): Promise<Response> {
    const [backend] = plan.targets;
    const { name, locationHint } = backend!;
    const shard = this.#shards.pick(name, this.#clock.now(), Math.random);
    const id = this.#idOf(backend!, shard);
    const near = locationHint === undefined ? undefined : { locationHint: locationHint as Hint };
    const headers: Record<string, string> = { [planHeader]: planToJson(plan) };
    backendsOf(plan).forEach((each, index) => (headers[backendHeader(index)] = backendToJson(each, shard)));
    const response = await fetchObject(this.#namespace.get(id, near), "http://pool/", {
      method: "POST",
      headers,
      body,
      signal,
    });
    const calls = response.headers.get(tooManyHeader);
    return calls === null ? response : this.#spreadFurther(name, Number(calls), response);
  }

  #spreadFurther(backend: string, calls: number, response: Response): Response {
    this.#shards.tooMany(backend, calls, this.#clock.now());
    const passed = new Response(response.body, response);
    passed.headers.delete(tooManyHeader);
    return passed;
  }

  /** A name's id is a hash that takes a while. */
  #idOf(backend: Backend, shard: number): DurableObjectId {
    let ids = this.#ids.get(backend);
    if (ids === undefined) this.#ids.set(backend, (ids = []));
    return (ids[shard] ??= this.#namespace.idFromName(poolName(backend, shard)));
  }
}

/** What of a plan an object carries out: the rest is called by fetch, from the Worker. */
function pooled(plan: Plan): Plan {
  const { targets, mirrors } = plan;
  if (!targets.some(isFetched) && !mirrors.some(isFetched)) return plan;
  const isPooled = (backend: Backend): boolean => !isFetched(backend);
  return { ...plan, targets: targets.filter(isPooled), mirrors: mirrors.filter(isPooled) };
}

const lost = (cause: unknown): CallError =>
  new CallError(Code.UNAVAILABLE, "the origin pool was lost", { side: "edge", cause });

/** Whether the rule has a call sent again whose object was lost: nobody knows what became of it. */
function wantsLostAgain({ retry }: Plan): boolean {
  return retry !== undefined && retry.attempts > 0 && wantsAnew(retry, lost(undefined), false);
}
