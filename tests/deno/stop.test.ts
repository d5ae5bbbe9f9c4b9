/** How Edgeway on Deno stops, as supervisors and people ask it to. */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, get, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { afterEach, beforeEach, expect, test } from "vitest";
import { connectEdge, Pusher } from "../../kube-sync/push.ts";
import { ClusterTableSchema, OriginProtocol } from "../../proto/gen/edgeway/v1/table_pb.js";
import { until } from "../e2e/until.ts";
import { type DenoMain, startDenoMain, token } from "./main.ts";

let folder: string;
/** Takes calls, and never answers. */
let origin: Server;
let asked: PromiseWithResolvers<void>;
const running: DenoMain[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "edgeway-deno-"));
  asked = Promise.withResolvers();
  origin = createServer(() => asked.resolve()).listen(0, "127.0.0.1");
  await once(origin, "listening");
});

afterEach(() => {
  for (const edge of running.splice(0)) edge.process.kill("SIGKILL");
  origin.closeAllConnections();
  origin.close();
  rmSync(folder, { recursive: true });
});

/** An edge with a call that does not end; `cut` resolves when it is cut. */
async function startBusy(env: Readonly<Record<string, string>>): Promise<{ edge: DenoMain; cut: Promise<unknown> }> {
  const edge = await startDenoMain({ EDGEWAY_DATABASE: join(folder, "table.db"), EDGEWAY_GRPC_PORT: "0", ...env }, []);
  running.push(edge);
  const source = { kind: "HTTPRoute", namespace: "default", name: "slow" };
  const { port } = origin.address() as AddressInfo;
  const target = { case: "backend" as const, value: "b" };
  const table = create(ClusterTableSchema, {
    cluster: "test",
    routes: [{ key: "slow", source, hostnames: [], rules: [{ backends: [{ target, weight: 1 }] }] }],
    backends: [{ key: "b", source, protocol: OriginProtocol.HTTP1, endpoints: [{ host: "127.0.0.1", port }] }],
  });
  expect(await new Pusher(connectEdge(edge.url, token)).push(table)).toMatchObject({ kind: "accepted" });
  const cut = once(get(edge.url), "response").catch((error: Error) => error);
  await asked.promise;
  return { edge, cut };
}

async function drain(edge: DenoMain): Promise<void> {
  edge.process.kill("SIGTERM");
  await until(
    () => edge.stderr().includes("draining"),
    () => edge.stderr(),
  );
}

test("calls that take longer than EDGEWAY_DRAIN_SECONDS after SIGTERM are cut", async () => {
  const { edge, cut } = await startBusy({ EDGEWAY_DRAIN_SECONDS: "1" });
  await drain(edge);
  expect(await edge.exited).toBe(0);
  expect(await cut).toBeInstanceOf(Error);
});

test("a second signal ends it at once", async () => {
  const { edge, cut } = await startBusy({});
  await drain(edge);
  const began = performance.now();
  edge.process.kill("SIGINT");
  expect(await edge.exited).toBe(0);
  expect(performance.now() - began).toBeLessThan(10_000); // of the 30 s that calls have
  expect(await cut).toBeInstanceOf(Error);
  expect(edge.stderr()).not.toContain("Uncaught");
});

test("a port that is taken is said in one line", async () => {
  const { port } = origin.address() as AddressInfo;
  const database = { EDGEWAY_DATABASE: join(folder, "table.db") };
  await expect(startDenoMain({ ...database, PORT: `${port}` }, [])).rejects.toThrow(`edgeway: port ${port} is taken`);
  const native = { ...database, EDGEWAY_GRPC_PORT: `${port}` };
  await expect(startDenoMain(native, [])).rejects.toThrow(`edgeway: port ${port} is taken`);
});
