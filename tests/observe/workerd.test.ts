/** What the Worker and its objects tell in workerd: the access log by console.log, spans by fetch. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startWorkerd, type Workerd } from "../../cli/dev/workerd.ts";
import { echo } from "../../examples/services/echo.ts";
import { type ExampleServer, startGrpc } from "../../examples/services/servers.ts";
import { connectEdge, Pusher } from "../../kube-sync/push.ts";
import { type EchoClient, echoClient, serviceName } from "../contract/clients.ts";
import { tableTo } from "../edges/table.ts";

const token = "pushes";
const lines: Record<string, unknown>[] = [];
const said: string[] = [];
const spans: any[] = [];
let origin: ExampleServer;
let collector: Server;
let workerd: Workerd;
let client: EchoClient;
beforeAll(async () => {
  origin = await startGrpc("echo", 0, { [serviceName]: echo("east", "env1") });
  collector = createServer((request, response) => {
    void text(request).then((body) => {
      spans.push(...JSON.parse(body).resourceSpans[0].scopeSpans[0].spans);
      response.end("{}");
    });
  }).listen(0, "127.0.0.1");
  await once(collector, "listening");
  workerd = await startWorkerd({
    secrets: {
      EDGEWAY_SYNC_TOKEN: token,
      EDGEWAY_ACCESS_LOG: "1",
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(collector.address() as AddressInfo).port}`,
    },
    log: (line) => (line.startsWith("{") ? lines.push(JSON.parse(line)) : said.push(line)),
  });
  const url = `http://${workerd.host}:${workerd.port}`;
  const { kind } = await new Pusher(connectEdge(url, token)).push(tableTo(serviceName, origin.port));
  expect(kind).toBe("accepted");
  client = echoClient({ protocol: "gRPC-Web", httpVersion: "1.1" }, url);
}, 60_000);
afterAll(async () => {
  await workerd.close();
  await origin.stop();
  collector.closeAllConnections();
  collector.close();
});

const line = (path: string) => lines.find((each) => each["path"] === path);

test("a call that goes to an origin is logged by the object that carries it out, a refused one by the Worker", async () => {
  await client["say"]!({ message: "a" });
  await (await fetch(`http://${workerd.host}:${workerd.port}/nobody/here`)).text();
  await expect
    .poll(() => line(`/${serviceName}/Say`))
    .toMatchObject({
      protocol: "grpc-web",
      revision: "1",
      rule: { cluster: "test", kind: "GRPCRoute", name: "test", ruleIndex: 0 },
      backend: "test/default/test:1",
      attempts: 1,
      grpcStatus: "OK",
    });
  await expect.poll(() => line("/nobody/here")).toMatchObject({ httpStatus: 404, side: "edge" });
});

test("their spans reach the collector", async () => {
  const answer = await client["say"]!({});
  const { value } = answer.headers.find(({ name }: any) => name === "traceparent");
  const [, traceId, spanId] = value.split("-");
  await expect.poll(() => spans.find((span) => span.spanId === spanId)?.traceId, { timeout: 10_000 }).toBe(traceId);
  await expect.poll(() => spans.some(({ name }) => name === "GET"), { timeout: 10_000 }).toBe(true);
  expect(said).toEqual([]);
});

test("without its token there is no console, and nothing that tells of one", async () => {
  for (const path of ["/_edgeway/", "/_edgeway/main.js", "/_edgeway/api/overview", "/_edgeway/metrics"]) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    const { status } = await fetch(`http://${workerd.host}:${workerd.port}${path}`);
    expect([path, status]).toEqual([path, 404]);
  }
});

test("a setting that is wrong is said in the log, and calls are answered all the same", async () => {
  const told: string[] = [];
  const secrets = { EDGEWAY_SYNC_TOKEN: token, EDGEWAY_ACCESS_LOG: "some" };
  const wrong = await startWorkerd({ secrets, log: (each) => told.push(each) });
  try {
    expect((await fetch(`http://${wrong.host}:${wrong.port}/nobody/here`)).status).toBe(404);
    await expect.poll(() => told.join()).toContain('EDGEWAY_ACCESS_LOG is a share from 0 to 1, not "some"');
  } finally {
    await wrong.close();
  }
});
