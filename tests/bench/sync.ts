/**
 * From an object's change at the API server to the first call that is routed by it, with 5,000 routes: a real
 * kube-apiserver and etcd, `edgeway sync`, `edgeway serve` and a gRPC server, each a process of its own on this machine.
 * Idle, and while 100 other routes change each second. Beside it, what the processes weigh, what is pushed for a change,
 * and whether calls by routes that stay fail meanwhile.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import type { IncomingHttpHeaders } from "node:http";
import { connect, type ClientHttp2Session } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { kubeconfigAccess } from "../../kube-sync/cluster/access.ts";
import { connectApi, type KubeApi } from "../../kube-sync/cluster/api.ts";
import { agentKubeconfig, manifest, startSyncProcess, type SyncProcess } from "../cluster/agents.ts";
import { type ControlPlane, gatewayApiCrds, missing, startControlPlane } from "../cluster/control-plane.ts";
import { startOrigin, token } from "../cluster/edge.ts";
import { gatewayYaml, serviceYaml } from "../cluster/objects.ts";
import { run } from "../dev/cli.ts";
import { until } from "../e2e/until.ts";
import { type BenchOptions, machine } from "./report.ts";

const routes = 5000;
const services = 50;
const churnPerSecond = 100;
/** Calls by a route that stays. */
const steadyCallsPerSecond = 100;
const writers = 16;
const patienceMs = 60_000;

interface Result {
  readonly case: string;
  /** That were timed. */
  readonly changes: number;
  readonly otherChangesPerSecond: number;
  /** Milliseconds from sending the change to the API server. */
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  readonly bytesPerPush: number;
  readonly pushes: number;
  readonly steadyCalls: number;
  readonly failedCalls: number;
  readonly agentMiB: number;
  readonly edgeMiB: number;
}

/** What is measured, while it runs. */
interface Subject {
  readonly api: KubeApi;
  readonly agent: SyncProcess;
  readonly edgePid: number;
  readonly calls: Calls;
}

export default async function bench({ json, short }: BenchOptions): Promise<void> {
  if (missing !== undefined) throw new Error(missing);
  console.log(machine);
  await using running = new AsyncDisposableStack();
  const cluster = await startControlPlane();
  running.defer(() => cluster.close());
  const subject = await startSubject(cluster, running);
  const samples = short ? 40 : 200;
  const results = [await measure("idle", subject, samples, false), await measure("churn", subject, samples, true)];
  for (const result of results) print(result);
  if (json !== undefined) writeFileSync(json, `${JSON.stringify({ machine, routes, results }, undefined, 2)}\n`);
}

async function startSubject(cluster: ControlPlane, running: AsyncDisposableStack): Promise<Subject> {
  const origin = await startOrigin("origin");
  running.defer(() => origin.stop());
  await cluster.define(gatewayApiCrds);
  const yaml = Array.from({ length: services }, (_, i) => serviceYaml(`service-${i}`, origin.port));
  await cluster.apply(gatewayYaml + yaml.join(""));
  const api = connectApi(await kubeconfigAccess(cluster.kubeconfig));
  running.defer(() => api.close());
  const began = performance.now();
  await inParallel(routes, (i) => create(api, i, `route-${i}.test`));
  console.log(`${routes} routes in the cluster after ${seconds(began)} s`);

  const edge = await startEdge(running);
  const started = performance.now();
  const kubeconfig = await agentKubeconfig(cluster);
  // As its Deployment has it.
  process.env["NODE_OPTIONS"] = /NODE_OPTIONS, value: (.*) }/.exec(readFileSync(manifest("agent.yaml"), "utf8"))![1]!;
  const agent = await startSyncProcess(kubeconfig, edge);
  delete process.env["NODE_OPTIONS"];
  running.defer(async () => void (await agent.stop()));
  const calls = new Calls(edge.url);
  running.defer(() => calls.close());
  const served = async () => (await calls.status(`route-${routes - 1}.test`)) === "0";
  await until(served, () => `the routes are served: ${agent.said()}`, 120_000);
  console.log(`an agent that starts has them served after ${seconds(started)} s`);
  while (!(await statusesWritten(api))) await delay(1000);
  console.log(`and their statuses written after ${seconds(started)} s`);
  return { api, agent, edgePid: edge.pid, calls };
}

async function startEdge(running: AsyncDisposableStack): Promise<{ readonly url: string; readonly pid: number }> {
  const data = await mkdtemp(join(tmpdir(), "edgeway-bench-sync-"));
  process.env["EDGEWAY_SYNC_TOKEN"] = token;
  const serve = run("cli/main.ts", "serve", "--http=127.0.0.1:0", `--data=${data}`);
  running.defer(async () => {
    serve.process.kill("SIGKILL");
    await serve.exited;
    await rm(data, { recursive: true, force: true });
  });
  const url = () => /http:\/\/\S+/.exec(serve.stdout())?.[0];
  await until(
    () => url() !== undefined,
    () => `edgeway serve is ready: ${serve.stderr()}`,
  );
  return { url: url()!, pid: serve.process.pid! };
}

async function measure(name: string, subject: Subject, samples: number, churning: boolean): Promise<Result> {
  const { api, agent, calls, edgePid } = subject;
  const stop = new AbortController();
  let before = { bytes: 0, count: 0 };
  let after = before;
  const steady = callSteadily(calls, stop.signal);
  const churn = churning ? change(api, stop.signal) : Promise.resolve(0);
  const times: number[] = [];
  try {
    await delay(2000);
    before = await pushes(agent);
    for (let i = 0; i < samples; i++) {
      times.push(await timeChange(subject, i % routes, `${name.replaceAll(/\W/g, "-")}-${i}.sample.test`));
      await delay(50 + 100 * Math.random());
    }
    after = await pushes(agent);
  } finally {
    stop.abort();
    await Promise.allSettled([steady, churn]);
  }
  const memory = { agentMiB: rss(agent.pid), edgeMiB: rss(edgePid) };
  times.sort((a, b) => a - b);
  return {
    case: name,
    changes: samples,
    otherChangesPerSecond: await churn,
    p50: times[Math.floor(samples * 0.5)]!,
    p99: times[Math.floor(samples * 0.99)]!,
    max: times.at(-1)!,
    bytesPerPush: (after.bytes - before.bytes) / (after.count - before.count),
    pushes: after.count - before.count,
    ...(await steady),
    ...memory,
  };
}

/** Resolves to the milliseconds until calls to `host` are routed, from the request that gives it to a route. */
async function timeChange({ api, agent, calls }: Subject, route: number, host: string): Promise<number> {
  const began = performance.now();
  await patchHost(api, route, host);
  while ((await calls.status(host)) !== "0") {
    if (performance.now() - began > patienceMs)
      throw new Error(`${host} is not routed; the agent said ${agent.said()}`);
  }
  return performance.now() - began;
}

async function pushes(agent: SyncProcess): Promise<{ readonly bytes: number; readonly count: number }> {
  const [bytes, whole, delta] = await Promise.all([
    agent.metric("edgeway_sync_push_bytes_total"),
    agent.metric('edgeway_sync_pushes_total{outcome="whole"}'),
    agent.metric('edgeway_sync_pushes_total{outcome="delta"}'),
  ]);
  return { bytes, count: whole + delta };
}

const path = "/apis/gateway.networking.k8s.io/v1/namespaces/default/grpcroutes";
const { signal } = new AbortController();

function specOf(i: number, hostname: string, tag: string) {
  const set = [{ name: "x-tag", value: tag }];
  const filters = [{ type: "RequestHeaderModifier", requestHeaderModifier: { set } }];
  const backendRefs = [{ name: `service-${i % services}`, port: 80 }];
  const matches = [{ method: { service: "edgeway.examples.v1.Echo" } }];
  return { parentRefs: [{ name: "edge" }], hostnames: [hostname], rules: [{ matches, filters, backendRefs }] };
}

function create(api: KubeApi, i: number, hostname: string): Promise<unknown> {
  const body = {
    apiVersion: "gateway.networking.k8s.io/v1",
    kind: "GRPCRoute",
    metadata: { name: `route-${i}` },
    spec: specOf(i, hostname, "first"),
  };
  return api.request({ method: "POST", path, body, signal });
}

function patchHost(api: KubeApi, i: number, hostname: string): Promise<unknown> {
  return api.request({
    method: "PATCH",
    path: `${path}/route-${i}`,
    body: { spec: { hostnames: [hostname] } },
    signal,
  });
}

/**
 * Changes routes of the upper half, so many a second, or as many as the API server takes, until told to stop. Resolves
 * to how many a second these were.
 */
async function change(api: KubeApi, stop: AbortSignal): Promise<number> {
  const half = routes / 2;
  const began = performance.now();
  let n = 0;
  const worker = async () => {
    while (!stop.aborted) {
      const own = n++;
      await delay(Math.max(0, began + (own * 1000) / churnPerSecond - performance.now()));
      const i = half + (own % (half - 1));
      const spec = specOf(i, `route-${i}.test`, `change-${own}`);
      await api.request({ method: "PATCH", path: `${path}/route-${i}`, body: { spec }, signal });
    }
  };
  await Promise.all(Array.from({ length: writers }, worker));
  return (n * 1000) / (performance.now() - began);
}

async function statusesWritten(api: KubeApi): Promise<boolean> {
  const list = (await api.request({ path, signal })) as { items: { status?: { parents?: unknown[] } }[] };
  return list.items.every(({ status }) => (status?.parents?.length ?? 0) > 0);
}

async function callSteadily(calls: Calls, stop: AbortSignal) {
  let steadyCalls = 0;
  let failedCalls = 0;
  while (!stop.aborted) {
    steadyCalls++;
    if ((await calls.status(`route-${routes - 1}.test`)) !== "0") failedCalls++;
    await delay(1000 / steadyCallsPerSecond);
  }
  return { steadyCalls, failedCalls };
}

/** Unary gRPC calls to any host, over one connection. */
class Calls {
  readonly #session: ClientHttp2Session;

  constructor(url: string) {
    this.#session = connect(url);
  }

  /** Resolves to the gRPC status. */
  status(authority: string): Promise<string> {
    const stream = this.#session.request({
      ":method": "POST",
      ":path": "/edgeway.examples.v1.Echo/Say",
      ":authority": authority,
      "content-type": "application/grpc",
      te: "trailers",
    });
    return new Promise((resolve, reject) => {
      const take = ({ "grpc-status": status }: IncomingHttpHeaders) => {
        if (typeof status === "string") resolve(status);
      };
      stream.once("response", take).once("trailers", take).once("error", reject);
      stream.once("close", () => resolve("closed"));
      // An empty message.
      stream.resume().end(Buffer.alloc(5));
    });
  }

  close(): void {
    this.#session.destroy();
  }
}

async function inParallel(count: number, work: (i: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: writers }, worker));
}

/** MiB that a process holds. */
function rss(pid: number): number {
  const [, kib] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))!;
  return Number(kib) / 1024;
}

function seconds(since: number): string {
  return ((performance.now() - since) / 1000).toFixed(1);
}

function print(result: Result): void {
  const { p50, p99, max, bytesPerPush, steadyCalls, failedCalls, agentMiB, edgeMiB } = result;
  console.log(
    `${result.case.padEnd(14)} ${result.changes} changes beside ${result.otherChangesPerSecond.toFixed(0)}/s: ` +
      `ms p50 ${p50.toFixed(1)} p99 ${p99.toFixed(1)} max ${max.toFixed(1)}; ` +
      `${result.pushes} pushes of ${bytesPerPush.toFixed(0)} bytes; ${failedCalls} of ${steadyCalls} steady calls failed; ` +
      `RSS agent ${agentMiB.toFixed(0)} MiB, edge ${edgeMiB.toFixed(0)} MiB`,
  );
}
