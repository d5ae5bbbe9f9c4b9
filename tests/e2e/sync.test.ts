/** The sync service in workerd: who may push, and what becomes of a push. */
import { clone, create, type MessageInitShape } from "@bufbuild/protobuf";
import { Code, type ConnectError } from "@connectrpc/connect";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startWorkerd, type Workerd } from "../../cli/dev/workerd.ts";
import { connectEdge } from "../../kube-sync/push.ts";
import { RefusalSchema } from "../../proto/gen/edgeway/v1/sync_pb.js";
import { type ClusterTable, ClusterTableSchema, OriginProtocol } from "../../proto/gen/edgeway/v1/table_pb.js";
import { frame, send, sendWeb, trailers } from "./raw.ts";

const token = "nobody-guesses-this";
let workerd: Workerd;
let agent: ReturnType<typeof connectEdge>;

beforeAll(async () => {
  workerd = await startWorkerd({ secrets: { EDGEWAY_SYNC_TOKEN: token }, log: () => {} });
  agent = connectEdge(`http://${workerd.host}:${workerd.port}`, token);
});
afterAll(() => workerd.close());

/** A table of one route, which leads `hostname` to a backend at a port where nobody listens. */
function tableOf(cluster: string, hostname: string, port = 1): ClusterTable {
  const source = { kind: "GRPCRoute", namespace: "default", name: "all" };
  const table: MessageInitShape<typeof ClusterTableSchema> = {
    cluster,
    routes: [
      {
        key: "all",
        source,
        hostnames: [hostname],
        rules: [{ backends: [{ target: { case: "backend", value: "b" }, weight: 1 }] }],
      },
    ],
    backends: [{ key: "b", source, protocol: OriginProtocol.GRPC, endpoints: [{ host: "127.0.0.1", port }] }],
  };
  return create(ClusterTableSchema, table);
}

const whole = (value: ClusterTable) => ({ update: { case: "whole" as const, value } });
const rejection = (push: Promise<unknown>): Promise<ConnectError> =>
  push.then(
    () => Promise.reject(new Error("it was accepted")),
    (error: ConnectError) => error,
  );

/** How a call to `host` ends: 14 if a route leads it to the backend that is not there, 12 if none does. */
async function statusFor(host: string, headers: Readonly<Record<string, string>> = {}): Promise<string | undefined> {
  const body = frame("edgeway.examples.v1.SayRequest", {});
  const answer = await sendWeb({ port: workerd.port, method: "a.B/C", headers: { host, ...headers }, body });
  return trailers(answer.body)["grpc-status"];
}

test.each([
  ["without a token", undefined],
  ["with a wrong token", "Bearer wrong"],
  ["with the beginning of the token", `Bearer ${token.slice(0, -1)}`],
])("a push %s is refused, and the table unchanged", async (_how, authorization) => {
  const push = await send({
    port: workerd.port,
    method: "POST",
    path: "/_edgeway/edgeway.v1.SyncService/Push",
    headers: { "content-type": "application/json", ...(authorization !== undefined && { authorization }) },
    body: '{"whole":{"cluster":"intruder"}}',
  });
  expect(push.status).toBe(401);
  const { clusters } = await agent.status({});
  expect(clusters.map(({ cluster }) => cluster)).not.toContain("intruder");
});

test("a pushed table routes the next call", async () => {
  expect(await statusFor("pushed.test")).toBe("12");
  await agent.push(whole(tableOf("pushed", "pushed.test")));
  expect(await statusFor("pushed.test")).toBe("14");
});

test("the same whole twice is one revision, a change another", async () => {
  const { revision } = await agent.push(whole(tableOf("twice", "twice.test")));
  expect(await agent.push(whole(tableOf("twice", "twice.test")))).toMatchObject({ revision });
  const changed = await agent.push(whole(tableOf("twice", "twice.test", 2)));
  expect(changed.revision).toBeGreaterThan(revision);
});

test("a table with mistakes is refused with its reasons, and the last good one stays", async () => {
  const good = tableOf("careful", "careful.test");
  const { revision } = await agent.push(whole(good));
  const bad = clone(ClusterTableSchema, good);
  bad.routes[0]!.rules[0]!.backends[0]!.target = { case: "backend", value: "nobody" };
  const error = await rejection(agent.push(whole(bad)));
  expect(error.code).toBe(Code.InvalidArgument);
  const [refusal] = error.findDetails(RefusalSchema);
  expect(refusal!.issues).toMatchObject([{ source: { kind: "GRPCRoute", name: "all" }, reason: expect.any(String) }]);
  expect(await agent.get({ cluster: "careful" })).toMatchObject({ revision, table: { backends: [{ key: "b" }] } });
  expect(await statusFor("careful.test")).toBe("14");
});

test("a delta changes what it names; one with another base than the current revision is refused", async () => {
  const { revision } = await agent.push(whole(tableOf("delta", "delta.test")));
  const route = { ...tableOf("delta", "moved.test").routes[0]!, key: "more" };
  const delta = (baseRevision: bigint) => ({
    update: { case: "delta" as const, value: { cluster: "delta", baseRevision, routes: [route] } },
  });
  const next = await agent.push(delta(revision));
  expect(next.revision).toBeGreaterThan(revision);
  expect(await statusFor("delta.test")).toBe("14");
  expect(await statusFor("moved.test")).toBe("14");

  for (const base of [revision, next.revision + 1n, 0n]) {
    expect((await rejection(agent.push(delta(base)))).code).toBe(Code.FailedPrecondition);
  }
  const { table, revision: last } = await agent.get({ cluster: "delta" });
  expect(last).toBe(next.revision);
  expect(table!.routes.map(({ key }) => key)).toEqual(["all", "more"]);
});

test("a delta for a cluster that never pushed is refused", async () => {
  const value = { cluster: "never", baseRevision: 0n };
  const error = await rejection(agent.push({ update: { case: "delta", value } }));
  expect(error.code).toBe(Code.FailedPrecondition);
});

test("a delta that would leave a route without its backend is refused", async () => {
  const { revision } = await agent.push(whole(tableOf("whole", "whole.test")));
  const value = { cluster: "whole", baseRevision: revision, removedBackends: ["b"] };
  expect((await rejection(agent.push({ update: { case: "delta", value } }))).code).toBe(Code.InvalidArgument);
  expect(await agent.get({ cluster: "whole" })).toMatchObject({ revision });
});

test("a header list that would cost the origin's connection is refused in the caller's protocol", async () => {
  expect(await statusFor("any.test", { "x-huge": "m".repeat(70_000) })).toBe("8");
});
