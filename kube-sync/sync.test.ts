import { connectNodeAdapter } from "@connectrpc/connect-node";
import { Code, ConnectError } from "@connectrpc/connect";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { SyncService } from "../proto/gen/edgeway/v1/sync_pb.js";
import type { Token } from "./push.ts";
import { startSync } from "./sync.ts";

const closers: (() => unknown)[] = [];
afterEach(async () => {
  // oxlint-disable-next-line no-await-in-loop -- the last opened first
  for (const close of closers.splice(0).toReversed()) await close();
});

/** An edge that refuses pushes and reports until it is ready. */
async function startEdge() {
  const edge = { ready: false, url: "", tokens: [] as (string | null)[] };
  const check = () => {
    if (!edge.ready) throw new ConnectError("starting", Code.Unavailable);
  };
  const routes = connectNodeAdapter({
    requestPathPrefix: "/_edgeway",
    routes: (router) =>
      router.service(SyncService, {
        push(_, { requestHeader }) {
          edge.tokens.push(requestHeader.get("authorization"));
          check();
          return { revision: 7n };
        },
        status() {
          check();
          return { clusters: [{ cluster: "east", revision: 7n }] };
        },
      }),
  });
  const server = createServer(routes).listen(0, "127.0.0.1");
  await once(server, "listening");
  edge.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  closers.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return edge;
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!(await condition())) if (performance.now() > deadline) throw new Error("not in time");
}

interface Agent {
  readonly lines: readonly string[];
  readonly get: (path: string) => Promise<{ readonly status: number; readonly text: string }>;
}

async function startAgent(edgeUrl: string, token: Token): Promise<Agent> {
  const directory = await mkdtemp(join(tmpdir(), "edgeway-sync-"));
  closers.push(() => rm(directory, { recursive: true }));
  await writeFile(join(directory, "a.yaml"), "{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {}}");
  const lines: string[] = [];
  const sync = await startSync({
    from: { directory },
    edgeUrl,
    cluster: "east",
    adoptAll: true,
    token,
    listen: { host: "127.0.0.1", port: 0 },
    log: (line) => lines.push(line),
  });
  closers.push(() => sync.close());
  return {
    lines,
    async get(path) {
      const answer = await fetch(`http://127.0.0.1:${sync.port}${path}`);
      return { status: answer.status, text: await answer.text() };
    },
  };
}

test("an agent is ready once the edge has its table, says so, counts, and asks for its token each time", async () => {
  const edge = await startEdge();
  let tokens = 0;
  const { get } = await startAgent(edge.url, () => Promise.resolve(`token-${++tokens}`));
  expect(await get("/healthz")).toEqual({ status: 200, text: "ok\n" });
  expect(await get("/readyz")).toMatchObject({
    status: 503,
    text: expect.stringMatching(/^the edge has not accepted/),
  });
  expect(await get("/")).toMatchObject({ status: 404 });
  await until(async () => (await get("/metrics")).text.includes('pushes_total{outcome="failed"} 1'));
  const starting = "the edge has not accepted a table yet: [unavailable] starting\n";
  expect(await get("/readyz")).toEqual({ status: 503, text: starting });
  edge.ready = true;
  await until(async () => (await get("/readyz")).status === 200);
  expect(edge.tokens.slice(0, 2)).toEqual(["Bearer token-1", "Bearer token-2"]);
  const { text } = await get("/metrics");
  for (const line of [
    "# TYPE edgeway_sync_pushes_total counter",
    'edgeway_sync_pushes_total{outcome="whole"} 1',
    "edgeway_sync_revision 7",
    'edgeway_sync_objects{kind="Service"} 1',
    "edgeway_sync_leader 1",
  ]) {
    expect(text.split("\n")).toContain(line);
  }
  expect(text).toMatch(/^edgeway_sync_push_bytes_total [1-9]\d*$/m);
});

test("an agent says once which classes it passes over, and in its health what that comes to", async () => {
  const directory = await mkdtemp(join(tmpdir(), "edgeway-sync-"));
  closers.push(() => rm(directory, { recursive: true }));
  const ingress = (name: string, className: string) => `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: { name: ${name} }
spec: { ingressClassName: ${className}, rules: [{ host: ${name}.example.com }] }
`;
  const nginx = `{apiVersion: networking.k8s.io/v1, kind: IngressClass, metadata: {name: nginx}, spec: {controller: k8s.io/ingress-nginx}}`;
  await writeFile(join(directory, "class.yaml"), nginx);
  await writeFile(join(directory, "a.yaml"), ingress("a", "nginx"));
  const edge = await startEdge();
  edge.ready = true;
  const lines: string[] = [];
  const sync = await startSync({
    from: { directory },
    edgeUrl: edge.url,
    cluster: "east",
    adoptAll: false,
    token: "secret",
    listen: { host: "127.0.0.1", port: 0 },
    log: (line) => lines.push(line),
  });
  closers.push(() => sync.close());
  const get = async (path: string) => (await fetch(`http://127.0.0.1:${sync.port}${path}`)).text();
  await until(async () => (await get("/readyz")).startsWith("ok"));
  expect(lines).toEqual([
    'east: passed over: 1 Ingress of class "nginx"; edgeway sync --adopt-class NAME takes those of a class, --adopt-all every one',
    "east: revision 7 is live: 0 routes",
  ]);
  await writeFile(join(directory, "b.yaml"), ingress("b", "nginx"));
  await until(async () => (await get("/metrics")).includes('edgeway_sync_passed_over{kind="Ingress"} 2\n'));
  expect(await get("/readyz")).toBe(
    'ok\npassed over: 2 Ingresses of class "nginx"; edgeway sync --adopt-class NAME takes those of a class, --adopt-all every one\n',
  );
  expect(lines.filter((line) => line.includes("passed over"))).toHaveLength(1);
});

/** Lets the time until the next report pass. */
const reportIsDue = () => vi.advanceTimersByTimeAsync(15_000);

test("an agent that the edge does not hear any more says so once, is not ready after three reports, and is when it is over", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  closers.push(() => vi.useRealTimers());
  const edge = await startEdge();
  edge.ready = true;
  const { get, lines } = await startAgent(edge.url, "secret");
  const failed = (n: number) => async () =>
    (await get("/metrics")).text.includes(`edgeway_sync_heartbeats_total{outcome="failed"} ${n}\n`);
  await until(async () => {
    await vi.advanceTimersByTimeAsync(10);
    return (await get("/readyz")).status === 200;
  });
  edge.ready = false;
  for (const count of [1, 2, 3]) {
    expect((await get("/readyz")).status).toBe(200);
    // oxlint-disable-next-line no-await-in-loop -- one report after the other
    await reportIsDue();
    // oxlint-disable-next-line no-await-in-loop
    await until(failed(count));
  }
  const text = `${edge.url} has not taken the last 3 reports: [unavailable] starting\n`;
  expect(await get("/readyz")).toEqual({ status: 503, text });
  expect((await get("/healthz")).status).toBe(200);
  edge.ready = true;
  await reportIsDue();
  await until(async () => (await get("/readyz")).status === 200);
  expect(lines).toEqual([
    "east: revision 7 is live: 0 routes",
    `east: cannot report to ${edge.url}, trying again: [unavailable] starting`,
    `east: ${edge.url} answers again`,
  ]);
});
