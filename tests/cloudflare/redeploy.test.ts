/**
 * What a deployment of the Worker does to calls under way. On Cloudflare new calls go to the new version at once, calls
 * that the old one has may end there, and every Durable Object is reset in the middle of what it does. So here: another
 * workerd on the same storage takes the new calls, and the objects of the old one abort.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import type { sendUnaryData, ServerUnaryCall } from "@grpc/grpc-js";
import { afterAll, expect, test } from "vitest";
import { type Body, type Handler, noBody } from "../../worker/call/http.ts";
import { startFront } from "../../cli/dev/front/front.ts";
import { type Http1Client, http1Client } from "../../cli/dev/front/http1-client.ts";
import { startWorkerd, type Workerd } from "../../cli/dev/workerd.ts";
import { echo } from "../../examples/services/echo.ts";
import { startGrpc } from "../../examples/services/servers.ts";
import { connectEdge, Pusher } from "../../kube-sync/push.ts";
import { type ClusterTable, ClusterTableSchema, OriginProtocol } from "../../proto/gen/edgeway/v1/table_pb.js";
import { echoClient, serviceName, type Speaker, speakers } from "../contract/clients.ts";
import { until } from "../e2e/until.ts";

const persist = mkdtempSync(join(tmpdir(), "edgeway-redeploy-"));
afterAll(() => rmSync(persist, { recursive: true }));

const token = "redeploy";
const deployments = 4;
/** Milliseconds that an origin takes: there are always calls under way. */
const originMs = 100;

/** The Worker, with a path that resets its objects as a deployment does. */
const resettable = `
import * as edgeway from "./cloudflare.js";
export * from "./cloudflare.js";
const objects = new Map();
const resets = (binding, Base) => class extends Base {
  async fetch(request) {
    if (request.url === "http://reset/") this.ctx.abort("Durable Object reset because its code was updated.");
    objects.set(this.ctx.id.toString(), binding);
    return super.fetch(request);
  }
};
export const OriginPool = resets("ORIGIN_POOL", edgeway.OriginPool);
export const TableAuthority = resets("TABLE_AUTHORITY", edgeway.TableAuthority);
export default {
  async fetch(request, env, ctx) {
    if (new URL(request.url).pathname !== "/reset") return edgeway.default.fetch(request, env, ctx);
    const stubs = [...objects].map(([id, binding]) => env[binding].get(env[binding].idFromString(id)));
    await Promise.all(stubs.map((stub) => stub.fetch("http://reset/").catch(() => {})));
    return new Response(String(stubs.length));
  },
};
`;

const to = (name: string) => [{ target: { case: "backend" as const, value: name }, weight: 1 }];
const source = (kind: string, name: string) => ({ kind, namespace: "default", name });
const anyMethod = { case: "grpcMethod" as const, value: { service: serviceName, method: "" } };

function backendOf(name: string, protocol: OriginProtocol, port: number) {
  const http2 = protocol === OriginProtocol.GRPC;
  return { key: name, source: source("Service", name), protocol, http2, endpoints: [{ host: "127.0.0.1", port }] };
}

/** Calls go to one origin, by a rule with retries if they say so, and all else to the other. */
function tableOf(calls: number, pages: number): ClusterTable {
  const retry = { attempts: 1, grpcCodes: [Code.Unavailable], backoffMs: 1, maxBackoffMs: 1 };
  const whoSaySo = [{ subject: { case: "header" as const, value: "retried" } }];
  return create(ClusterTableSchema, {
    cluster: "east",
    backends: [backendOf("calls", OriginProtocol.GRPC, calls), backendOf("pages", OriginProtocol.HTTP1, pages)],
    routes: [
      {
        key: "GRPCRoute/default/calls",
        source: source("GRPCRoute", "calls"),
        rules: [
          { matches: [{ path: anyMethod, conditions: whoSaySo }], backends: to("calls"), retry },
          { matches: [{ path: anyMethod }], backends: to("calls") },
        ],
      },
      {
        key: "HTTPRoute/default/pages",
        source: source("HTTPRoute", "pages"),
        rules: [{ matches: [{ path: { case: "pathPrefix", value: "/pages" } }], backends: to("pages") }],
      },
    ],
  });
}

/** One version, as it is deployed. */
interface Deployed {
  readonly workerd: Workerd;
  readonly client: Http1Client;
}

async function deploy(): Promise<Deployed> {
  const workerd = await startWorkerd({
    secrets: { EDGEWAY_SYNC_TOKEN: token },
    persist,
    main: resettable,
    log: () => {},
  });
  return { workerd, client: http1Client(workerd.host, workerd.port) };
}

async function resetObjects({ host, port }: Workerd): Promise<number> {
  const response = await fetch(`http://${host}:${port}/reset`);
  return Number(await response.text());
}

/** Passes calls on, and keeps the ids of those whose answers had begun and were cut: nobody may send them again. */
function watched(worker: Handler, cut: Set<string>): Handler {
  return (request, answer) => {
    const id = request.head.fields.get("call-id") ?? "";
    const watch = (body: Body): Body => ({
      pipe: (sink) =>
        body.pipe({
          write: (piece) => sink.write(piece),
          end: (trailers) => sink.end(trailers),
          fail(error) {
            cut.add(id);
            sink.fail(error);
          },
        }),
      consumed: (bytes) => body.consumed(bytes),
      cancel: (reason) => body.cancel(reason),
    });
    return worker(request, {
      respond: ({ head, body }) => answer.respond({ head, body: body === noBody ? noBody : watch(body) }),
      fail: (error) => answer.fail(error),
    });
  };
}

class Tally {
  readonly name: string;
  ended = 0;
  /** What was said of those that failed, by their ids. */
  readonly failed = new Map<string, string>();

  constructor(name: string) {
    this.name = name;
  }

  /** Counts what becomes of the call that `id` names. */
  async of(id: string, call: (id: string) => Promise<unknown>): Promise<void> {
    try {
      await call(id);
      this.ended++;
    } catch (error) {
      this.failed.set(id, error instanceof ConnectError ? `${error.code}: ${error.rawMessage}` : String(error));
    }
  }

  /** What was said of those that failed and are not among `cut`. */
  failures(cut: ReadonlySet<string>): string[] {
    return [...this.failed].filter(([id]) => !cut.has(id)).map(([, said]) => said);
  }
}

test(
  "deployments under load fail no call that may be sent again, send no other twice, and leave the table in place",
  { timeout: 120_000 },
  async () => {
    const attempts = new Map<string, number>();
    const say = (call: ServerUnaryCall<object, object>, answer: sendUnaryData<object>): void => {
      const id = String(call.metadata.get("call-id")[0]);
      attempts.set(id, (attempts.get(id) ?? 0) + 1);
      setTimeout(() => answer(null, { message: id }), originMs);
    };
    const calls = await startGrpc("calls", 0, { [serviceName]: { ...echo("east", "redeploy"), say } });
    const pages = createServer((_, response) => setTimeout(() => response.end("page"), originMs));
    await new Promise<void>((resolve) => pages.listen(0, "127.0.0.1", resolve));

    let now = await deploy();
    const table = tableOf(calls.port, (pages.address() as AddressInfo).port);
    const pusher = new Pusher(connectEdge(`http://${now.workerd.host}:${now.workerd.port}`, token));
    expect(await pusher.push(table)).toMatchObject({ kind: "accepted" });
    const cut = new Set<string>();
    const front = await startFront({
      worker: watched((request, answer) => now.client.handler(request, answer), cut),
      tlsPort: 0,
      clearPort: 0,
    });
    const url = `http://127.0.0.1:${front.clearPort}`;

    const [gets, retried, unretried] = [new Tally("get"), new Tally("retried"), new Tally("unretried")];
    const state = { over: false, serial: 0, underWay: new Set<Promise<void>>() };
    const repeat = async (tally: Tally, call: (id: string) => Promise<unknown>): Promise<void> => {
      while (!state.over) {
        const made = tally.of(`${tally.name} ${state.serial++}`, call);
        state.underWay.add(made);
        // oxlint-disable-next-line no-await-in-loop -- one call after the other
        await made;
        state.underWay.delete(made);
      }
    };
    const get = async (id: string): Promise<void> => {
      const response = await fetch(`${url}/pages`, { headers: { "call-id": id } });
      const text = await response.text();
      if (text !== "page") throw new Error(`${response.status} ${text}`);
    };
    const sayBy = (speaker: Speaker, headers: Readonly<Record<string, string>>) => {
      const client = echoClient(speaker, url);
      return async (id: string): Promise<void> => {
        const { message } = await client["say"]!({}, { headers: { ...headers, "call-id": id }, timeoutMs: 10_000 });
        expect(message).toBe(id);
      };
    };
    const load = [
      ...Array.from({ length: 4 }, () => repeat(gets, get)),
      ...speakers.flatMap((speaker) => [
        repeat(retried, sayBy(speaker, { retried: "yes" })),
        repeat(unretried, sayBy(speaker, {})),
      ]),
    ];

    const reset: number[] = [];
    for (let i = 0; i < deployments; i++) {
      const old = now;
      const before = [gets, retried, unretried].map(({ ended }) => ended);
      /* oxlint-disable no-await-in-loop -- one deployment after the other */
      now = await deploy();
      const ofOld = [...state.underWay];
      reset.push(await resetObjects(old.workerd));
      await until(
        () => [gets, retried, unretried].every(({ ended }, index) => ended > before[index]! + 50),
        () => `deployment ${i} is over: ${JSON.stringify([gets, retried, unretried])}`,
      );
      await Promise.all(ofOld);
      old.client.close();
      await old.workerd.close();
      /* oxlint-enable no-await-in-loop */
    }
    state.over = true;
    await Promise.all(load);
    await front.close();
    now.client.close();
    await now.workerd.close();
    await calls.stop();
    pages.close();

    const lost = unretried.failures(cut);
    const begun = [gets, retried, unretried].map(({ failed }) => [...failed.keys()].filter((id) => cut.has(id)).length);
    console.log(
      `${deployments} deployments, ${reset.join(", ")} objects reset: ${gets.ended} GETs, ${retried.ended} calls of a rule ` +
        `with retries, ${unretried.ended} of one without, of which ${lost.length} failed that were under way; answers ` +
        `that had begun and were cut: ${begun.join(", ")}`,
    );
    expect(Math.min(...reset)).toBeGreaterThanOrEqual(2);
    expect([gets.failures(cut), retried.failures(cut)]).toEqual([[], []]);
    for (const failure of lost) expect(failure).toMatch(/^14: the edge could not carry out the call/);
    expect(lost.length).toBeGreaterThan(0);
    const twice = [...attempts].filter(([, count]) => count > 1).map(([id]) => id.split(" ")[0]);
    expect(new Set(twice)).toEqual(new Set(["retried"]));
  },
);
