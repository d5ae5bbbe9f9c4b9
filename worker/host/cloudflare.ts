/** Edgeway on Cloudflare Workers: the Worker plans each call; the origin pool's Durable Object carries it out. */
import type { Hono } from "hono";
import type { DurableObjectNamespace, DurableObjectStub, ExecutionContext } from "@cloudflare/workers-types";
import { createAdmin } from "../admin/admin.ts";
import { adminPath } from "../admin/sync-service.ts";
import { CallError } from "../call/error.ts";
import type { RequestHead } from "../call/http.ts";
import { Code } from "../call/status.ts";
import { withCors } from "../filter/cors.ts";
import { type Plan, plan } from "../plan.ts";
import { planToJson } from "../plan-json.ts";
import { detect, encodeFailure } from "../protocol/index.ts";
import { Snapshot } from "../snapshot/snapshot.ts";
import { headOf, toResponse } from "./fetch.ts";
import { type OriginPoolEnv, planHeader, poolName } from "./origin-pool.ts";
import { tableAuthority } from "./table-authority.ts";

export { OriginPool } from "./origin-pool.ts";
export { TableAuthority } from "./table-authority.ts";

interface Env extends OriginPoolEnv {
  readonly ORIGIN_POOL: DurableObjectNamespace;
  /** The bearer token of kube-sync's pushes. A secret. */
  readonly EDGEWAY_SYNC_TOKEN?: string;
}

/** A Worker's answers have none: Cloudflare's front takes them from gRPC-Web's last frame. */
const trailers = false;

/** What an isolate keeps between requests: nothing in it belongs to one of them. */
class Edge {
  readonly #env: Env;
  readonly #snapshot: Snapshot;
  readonly #admin: Hono;

  constructor(env: Env) {
    this.#env = env;
    this.#snapshot = new Snapshot((revision) => this.#authority().tableSince(revision));
    this.#admin = createAdmin({ syncToken: env.EDGEWAY_SYNC_TOKEN, sync: (request) => this.#sync(request) });
  }

  async fetch(request: Request, ctx: ExecutionContext): Promise<Response> {
    const head = headOf(request, schemeOf(request));
    if (head.path.startsWith(`${adminPath}/`)) return this.#admin.fetch(request);
    let cors: Plan["cors"];
    try {
      const table = await this.#snapshot.get(Date.now(), (promise) => ctx.waitUntil(promise));
      const planned = plan(head, table, Math.random, trailers);
      if (planned.plan === undefined) return toResponse(planned.answer);
      ({ cors } = planned.plan);
      return await this.#exchange(planned.plan, request);
    } catch (cause) {
      return toResponse(withCors(encodeFailure(detect(head, trailers).caller, broken(cause)), cors));
    }
  }

  #exchange(planned: Plan, request: Request): Promise<Response> {
    const pools = this.#env.ORIGIN_POOL;
    const headers = { [planHeader]: planToJson(planned) };
    // The object's answer goes out untouched, so that the runtime moves its bytes without waking this Worker.
    return fetchObject(pools.get(pools.idFromName(poolName(planned.endpoint))), "http://pool/", {
      method: "POST",
      headers,
      body: request.body,
      signal: request.signal,
    });
  }

  async #sync(request: Request): Promise<Response> {
    const response = await fetchObject(this.#authority(), request);
    this.#snapshot.invalidate();
    return response;
  }

  #authority(): ReturnType<typeof tableAuthority> {
    return tableAuthority(this.#env.TABLE_AUTHORITY);
  }
}

/** The runtime's own Request and Response, which its types tell from Node's of the same name. */
const fetchObject = (stub: DurableObjectStub, ...args: Parameters<typeof fetch>): Promise<Response> =>
  (stub as unknown as { fetch: typeof fetch }).fetch(...args);

/** Cloudflare sets the field for every request, in place of whatever the caller sent. */
function schemeOf(request: Request): RequestHead["scheme"] {
  return (request.headers.get("x-forwarded-proto") ?? request.url).startsWith("https") ? "https" : "http";
}

/** An object that was reset, or a table that nobody could be asked for. */
function broken(cause: unknown): CallError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new CallError(Code.UNAVAILABLE, `the edge could not carry out the call: ${reason}`, { side: "edge", cause });
}

let edge: Edge | undefined;

export default {
  fetch: (request: Request, env: Env, ctx: ExecutionContext): Promise<Response> =>
    (edge ??= new Edge(env)).fetch(request, ctx),
};
