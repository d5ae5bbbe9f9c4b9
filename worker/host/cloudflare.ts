/** Edgeway on Cloudflare Workers: the Worker plans each call; the origin pool's Durable Object carries it out. */
import type { Hono } from "hono";
import type {
  DurableObjectNamespace,
  ExecutionContext,
  Fetcher,
  RateLimit as CloudflareRateLimit,
} from "@cloudflare/workers-types";
import type { RouteTable } from "../../routes/model.ts";
import type { RateLimit } from "../../routes/policies.ts";
import { adminPath } from "../admin/admin-path.ts";
import { admitted } from "../admission.ts";
import { CallError } from "../call/error.ts";
import type { RequestHead } from "../call/http.ts";
import { Code } from "../call/status.ts";
import { withCors } from "../filter/cors.ts";
import { sharedKey } from "../filter/rate-limit.ts";
import { Gates } from "../gates.ts";
import { decisionOf, explainHeader, inspected } from "../inspect.ts";
import { exchangeObserved, observeAnswered } from "../observed.ts";
import { type Plan, plan, type Planned, type PlanOptions } from "../plan.ts";
import { detect, encodeFailure } from "../protocol/index.ts";
import type { Snapshot } from "../snapshot/snapshot.ts";
import { clock } from "./cloudflare-clock.ts";
import { LazyDescriptors } from "./cloudflare-descriptors.ts";
import { type FallbackEnv, readFallback } from "./cloudflare-fallback.ts";
import { observe } from "./cloudflare-observe.ts";
import { OriginPools } from "./cloudflare-pools.ts";
import { askTwice, fetchObject } from "./cloudflare-stub.ts";
import { cannotFetch, cannotReachFrom, isFetched, sendByFetch } from "./cloudflare-fetch.ts";
import { headOf, refuseWebSocket, respondWith, toResponse } from "./fetch.ts";
import { bodyFromRequest } from "./web-streams.ts";
import { idleStreamMs, type OriginPoolEnv } from "./origin-pool.ts";
import { tableAuthority } from "./table-authority.ts";
import type { TableAuthorityEnv } from "./table-home.ts";

export { OriginPool } from "./origin-pool.ts";
export { TableAuthority } from "./table-authority.ts";
export { Telemetry } from "./telemetry.ts";

export interface Env extends OriginPoolEnv, TableAuthorityEnv, FallbackEnv {
  readonly ORIGIN_POOL: DurableObjectNamespace;
  /** The console's files. */
  readonly ASSETS?: Fetcher;
}

/** A Worker's answers have none: Cloudflare's front takes them from gRPC-Web's last frame. */
const trailers = false;

/** What an isolate keeps between requests: nothing in it belongs to one of them. */
class Edge {
  readonly #env: Env;
  #snapshot: Snapshot | undefined;
  readonly #planning: PlanOptions;
  readonly #gates: Gates;
  #admin: Hono | undefined;
  /** Calls that go nowhere are observed here, the others in the object that carries them out. */
  readonly #observing: ReturnType<typeof observe>;
  readonly #descriptors: LazyDescriptors;
  readonly #pools: OriginPools;

  constructor(env: Env) {
    this.#env = env;
    this.#descriptors = new LazyDescriptors(env.TABLE_AUTHORITY);
    this.#pools = new OriginPools(env.ORIGIN_POOL, clock);
    this.#planning = {
      random: Math.random,
      now: Date.now,
      trailers,
      cannotReach: cannotReachFrom(env),
      converts: true,
    };
    this.#gates = new Gates({
      clock,
      now: Date.now,
      random: Math.random,
      fetch: (...args) => fetch(...args),
      sharesFetches: false,
      sharedCounter: (limit, key) => sharedCounter(env, limit, key),
    });
    const source = `worker-${crypto.randomUUID()}`;
    this.#observing = observe(env, clock, () => ({ source, pools: [], http2: {} }));
  }

  async fetch(request: Request, ctx: ExecutionContext): Promise<Response> {
    const arrived = clock.now();
    const asked = headOf(request, schemeOf(request));
    if (asked.path.startsWith(`${adminPath}/`)) return this.#administer(request);
    const refused = refuseWebSocket(request);
    if (refused !== undefined) return refused;
    const inspecting = inspected(asked, this.#env.EDGEWAY_CONSOLE_TOKEN);
    const head = inspecting ?? asked;
    let cors: Plan["cors"];
    try {
      const snapshot = this.#snapshot ?? (await this.#loadSnapshot());
      const table = await snapshot.get(Date.now(), (promise) => ctx.waitUntil(promise));
      const address = request.headers.get("cf-connecting-ip") ?? "";
      const found = plan(head, table, this.#planning, address);
      const planned = await admitted(found, head, address, arrived, { gates: this.#gates, clock });
      const told = inspecting === undefined ? (response: Response) => response : tell(planned, table.revision);
      if (planned.plan === undefined) {
        this.#handOn(() => observeAnswered(planned, head, table.revision, this.#observing.observation), ctx);
        return told(toResponse(planned.answer));
      }
      ({ cors } = planned.plan);
      if (isFetched(planned.plan.targets[0]!)) return told(await this.#fetch(planned.plan, head, request));
      return told(await this.#pools.exchange(planned.plan, request));
    } catch (cause) {
      return toResponse(withCors(encodeFailure(detect(head, trailers).caller, broken(cause)), cors));
    }
  }

  /** Here and now, where no connection is to be kept. Mirrors and stand-ins are those that are reached likewise. */
  async #fetch(planned: Plan, head: RequestHead, request: Request): Promise<Response> {
    const error = cannotFetch(planned);
    if (error !== undefined) throw error;
    const own = { ...planned, mirrors: planned.mirrors.filter(isFetched) };
    const descriptors = planned.translation && (await this.#descriptors.load(planned.translation.descriptors));
    const { observation } = this.#observing;
    const options = { clock, send: sendByFetch, idleMs: idleStreamMs, descriptors: () => descriptors, observation };
    return respondWith(
      (answer) => exchangeObserved(own, head, bodyFromRequest(request), options, answer),
      request.signal,
    );
  }

  async #administer(request: Request): Promise<Response> {
    const { cloudflareAdmin } = await import("./cloudflare-admin.ts");
    this.#admin ??= cloudflareAdmin(this.#env, {
      table: () => this.#newestTable(),
      sync: (pushed) => this.#sync(pushed),
    });
    return this.#admin.fetch(request);
  }

  async #sync(request: Request): Promise<Response> {
    const response = await fetchObject(this.#authority(), request);
    // Not after what was refused: or anybody could have each call wait for the authority.
    if (response.ok && request.url.endsWith("/Push")) this.#snapshot?.invalidate();
    return response;
  }

  /** What `run` brings to hand on is handed on by the request that brought it: no other may wait for its promises. */
  #handOn(run: () => void, ctx: ExecutionContext): void {
    const before = this.#observing.pending();
    run();
    const { observation, pending } = this.#observing;
    const after = pending();
    if (after !== undefined && after !== before) ctx.waitUntil(after);
    if (observation !== undefined) ctx.waitUntil(observation.flush());
  }

  /** The table as it is now, for those who look at it: a call goes by one that is a second old. */
  async #newestTable(): Promise<RouteTable> {
    return (await this.#loadSnapshot()).newest(Date.now(), () => {});
  }

  /** Isolates that have none but objects' calls do without what reads tables, and it takes a while to start. */
  async #loadSnapshot(): Promise<Snapshot> {
    const { Snapshot: Loaded } = await import("../snapshot/snapshot.ts");
    return (this.#snapshot ??= new Loaded({
      read: (version) => askTwice(() => this.#authority().tableSince(version)),
      readCopy: () => readFallback(this.#env),
      clock,
      log: (line) => console.warn(line),
    }));
  }

  #authority(): ReturnType<typeof tableAuthority> {
    return tableAuthority(this.#env.TABLE_AUTHORITY);
  }
}

/** Adds to an answer how it was decided, for one who may know. */
function tell(planned: Planned, revision: bigint): (response: Response) => Response {
  const decision = decisionOf(planned, revision);
  return (response) => {
    const told = new Response(response.body, response);
    told.headers.set(explainHeader, decision);
    return told;
  };
}

/**
 * A binding of Workers' rate limiting that counts as `limit` does, for all isolates of a location: they have fixed limits
 * each, so the name says which (developers.cloudflare.com/workers/runtime-apis/bindings/rate-limit).
 */
function sharedCounter(env: Env, limit: RateLimit, key: string): Promise<boolean> | undefined {
  const name = `EDGEWAY_RATE_LIMIT_${limit.calls}_PER_${limit.periodMs / 1_000}_SECONDS`;
  const counter = (env as unknown as Record<string, CloudflareRateLimit | undefined>)[name];
  return counter && sharedKey(key).then((short) => isWithin(counter, `${limit.id} ${short}`));
}

async function isWithin(counter: CloudflareRateLimit, key: string): Promise<boolean> {
  return (await counter.limit({ key })).success;
}

/** Cloudflare sets the field for every request, in place of whatever the caller sent. */
function schemeOf(request: Request): RequestHead["scheme"] {
  return (request.headers.get("x-forwarded-proto") ?? request.url).startsWith("https") ? "https" : "http";
}

/** An object that was reset, or a table that nobody could be asked for. */
function broken(cause: unknown): CallError {
  if (cause instanceof CallError) return cause;
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new CallError(Code.UNAVAILABLE, `the edge could not carry out the call: ${reason}`, { side: "edge", cause });
}

let edge: Edge | undefined;

export default {
  fetch: (request: Request, env: Env, ctx: ExecutionContext): Promise<Response> =>
    (edge ??= new Edge(env)).fetch(request, ctx),
};
