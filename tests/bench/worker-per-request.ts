/** A Worker that carries each call out on a connection of the call's own: what is left without a Durable Object. */
import { fromJsonString } from "@bufbuild/protobuf";
import { ClusterTableSchema } from "../../proto/gen/edgeway/v1/table_pb.js";
import { compile } from "../../routes/compile.ts";
import { decode } from "../../routes/decode.ts";
import type { RouteTable } from "../../routes/model.ts";
import type { Clock } from "../../worker/call/clock.ts";
import { exchange } from "../../worker/exchange.ts";
import { dialBy } from "../../worker/host/cloudflare-socket.ts";
import { headOf, respondWith, toResponse } from "../../worker/host/fetch.ts";
import { bodyFromRequest } from "../../worker/host/web-streams.ts";
import { plan } from "../../worker/plan.ts";
import { Origins } from "../../worker/transport/origins.ts";

const clock: Clock = {
  now: () => Date.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};

let table: RouteTable | undefined;

function tableOf(json: string): RouteTable {
  const decoded = decode(fromJsonString(ClusterTableSchema, json));
  if (decoded.issues !== undefined) throw new Error(JSON.stringify(decoded.issues));
  return compile([decoded.part]);
}

export default {
  async fetch(request: Request, env: { readonly TABLE: string }): Promise<Response> {
    table ??= tableOf(env.TABLE);
    const planned = plan(headOf(request, "http"), table, { random: Math.random, now: Date.now, trailers: false }, "");
    if (planned.plan === undefined) return toResponse(planned.answer);
    const defer = (flush: () => void): void => queueMicrotask(flush);
    const { send } = new Origins({ dial: dialBy(undefined), clock, defer, idleMs: 1000, random: Math.random });
    const body = bodyFromRequest(request);
    return respondWith(
      (answer) => exchange(planned.plan, body, { clock, send, idleMs: undefined }, answer),
      request.signal,
    );
  },
};
