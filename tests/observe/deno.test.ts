/** What an edge on Deno tells: the same as elsewhere. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { toJsonString } from "@bufbuild/protobuf";
import { afterAll, beforeAll, expect, test } from "vitest";
import { echo } from "../../examples/services/echo.ts";
import { type ExampleServer, startGrpc } from "../../examples/services/servers.ts";
import { ClusterTableSchema } from "../../proto/gen/edgeway/v1/table_pb.js";
import { echoClient, serviceName } from "../contract/clients.ts";
import { root } from "../dev/cli.ts";
import { tableTo } from "../edges/table.ts";
import { token } from "./edge.ts";
import { parsePrometheus } from "./prometheus.ts";

const lines: string[] = [];
let origin: ExampleServer;
let deno: ChildProcess;
let url: string;
beforeAll(async () => {
  origin = await startGrpc("echo", 0, { [serviceName]: echo("east", "env1") });
  const script = join(import.meta.dirname, "deno-edge.ts");
  deno = spawn(
    join(root, "node_modules/.bin/deno"),
    ["run", "--quiet", "--allow-all", "--node-modules-dir=manual", script],
    {
      stdio: ["pipe", "pipe", "inherit"],
    },
  );
  deno.stdin!.end(toJsonString(ClusterTableSchema, tableTo(serviceName, origin.port)));
  const output = createInterface(deno.stdout!).on("line", (line) => lines.push(line));
  await once(output, "line");
  url = `http://127.0.0.1:${lines[0]}`;
}, 60_000);
afterAll(async () => {
  deno.kill();
  await origin.stop();
});

test("calls are counted and logged, and explained to whoever has the token", async () => {
  const client = echoClient({ protocol: "gRPC-Web", httpVersion: "1.1" }, url);
  let decision: string | null = null;
  const onHeader = (headers: Headers) => (decision = headers.get("x-edgeway-explain"));
  await client["say"]!({ message: "a" }, { headers: { "x-edgeway-explain": token }, onHeader });
  expect(JSON.parse(decision!)).toMatchObject({ revision: "7", backend: "test/default/test:1" });
  await expect.poll(() => lines.length).toBe(2);
  expect(JSON.parse(lines[1]!)).toMatchObject({ protocol: "grpc-web", grpcStatus: "OK", revision: "7" });
  const scrape = async () => {
    const headers = { authorization: `Bearer ${token}` };
    const families = parsePrometheus(await (await fetch(`${url}/_edgeway/metrics`, { headers })).text());
    return families.get("edgeway_pool_connections")!.samples[0]?.value;
  };
  await expect.poll(scrape, { timeout: 5000 }).toBe(1);
});

test("the console is there, with its files", async () => {
  const page = await fetch(`${url}/_edgeway/`);
  expect([page.status, page.headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"]);
  expect((await fetch(`${url}/_edgeway/uplot.min.js`)).status).toBe(200);
  expect((await fetch(`${url}/_edgeway/..%2Fadmin%2Fadmin.ts`)).status).toBe(404);
});
