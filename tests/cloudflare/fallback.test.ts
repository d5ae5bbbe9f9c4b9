/** The table's copy in KV, on workerd: what an isolate serves by when the authority's object fails, or says nothing. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startWorkerd, type Workerd } from "../../cli/dev/workerd.ts";
import { connectEdge, Pusher } from "../../kube-sync/push.ts";
import { ClusterTableSchema } from "../../proto/gen/edgeway/v1/table_pb.js";
import { sendWeb, trailers } from "../e2e/raw.ts";
import { tableTo } from "../edges/table.ts";
import { until } from "../e2e/until.ts";

const persist = mkdtempSync(join(tmpdir(), "edgeway-fallback-"));
afterAll(() => rmSync(persist, { recursive: true }));

const token = "fallback";

const table = create(ClusterTableSchema, {
  cluster: "one",
  routes: [
    {
      key: "HTTPRoute/default/hello",
      source: { kind: "HTTPRoute", namespace: "default", name: "hello" },
      rules: [
        {
          // Not one that is told without RE2.
          matches: [{ conditions: [{ subject: { case: "header", value: "tier" }, regex: "gold|silver[0-9]+" }] }],
          filters: [{ filter: { case: "directResponse", value: { status: 200, body: "hello" } } }],
        },
      ],
    },
  ],
});

/** The Worker, whose authority does this when it is asked for the table. */
const workerWhoseAuthority = (does: string): string => `
import * as edgeway from "./cloudflare.js";
export * from "./cloudflare.js";
export const TableAuthority = class extends edgeway.TableAuthority {
  async tableSince() { ${does} }
};
export default edgeway.default;
`;

/** The Worker, with a path that tells whether KV has the copy. */
const workerThatTells = `
import * as edgeway from "./cloudflare.js";
export * from "./cloudflare.js";
export default {
  async fetch(request, env, ctx) {
    if (new URL(request.url).pathname !== "/copied") return edgeway.default.fetch(request, env, ctx);
    return Response.json((await env.TABLE_FALLBACK.get("table")) !== null);
  },
};
`;

const hello = (workerd: Workerd): Promise<Response> =>
  fetch(`http://${workerd.host}:${workerd.port}/`, { headers: { tier: "silver7" } });

const fails = `throw new Error("away");`;
const hangs = "await scheduler.wait(600_000);";

/** A Worker whose authority has the table, and then others with what that one has stored. */
beforeAll(async () => {
  const secrets = { EDGEWAY_SYNC_TOKEN: token };
  const first = await startWorkerd({ secrets, persist, main: workerThatTells, log: () => {} });
  try {
    const pusher = new Pusher(connectEdge(`http://${first.host}:${first.port}`, token));
    expect(await pusher.push(table)).toMatchObject({ kind: "accepted" });
    await until(
      async () => (await (await fetch(`http://${first.host}:${first.port}/copied`)).json()) === true,
      () => "the copy is in KV",
    );
  } finally {
    await first.close();
  }
});

test.each([
  ["fails", fails, "Error: away"],
  ["hangs", hangs, "Error: no answer within 2 s"],
])("an isolate that starts while the authority %s serves the table of KV's copy", async (_how, does, reason) => {
  const lines: string[] = [];
  const main = workerWhoseAuthority(does);
  const workerd = await startWorkerd({ secrets: {}, persist, main, log: (line) => void lines.push(line) });
  try {
    const response = await hello(workerd);
    expect([response.status, await response.text()]).toEqual([200, "hello"]);
    await until(
      () => lines.includes(`the table is a copy, as its authority cannot be asked: ${reason}`),
      () => lines.join("\n"),
    );
    expect((await hello(workerd)).status).toBe(200);
  } finally {
    await workerd.close();
  }
});

test("where there is no copy either, a call is unavailable in its caller's protocol", async () => {
  const workerd = await startWorkerd({ secrets: {}, main: workerWhoseAuthority(hangs), log: () => {} });
  try {
    const body = new Uint8Array(5);
    const answer = await sendWeb({ port: workerd.port, method: "a.B/C", body });
    expect(trailers(answer.body)).toMatchObject({
      "grpc-status": "14",
      "grpc-message": "the edge has no route table yet: whoever has it cannot be asked",
    });
    expect((await hello(workerd)).status).toBe(503);
  } finally {
    await workerd.close();
  }
});

test("a call in JSON whose descriptors do not come is unavailable", async () => {
  const main = `
import * as edgeway from "./cloudflare.js";
export * from "./cloudflare.js";
export const TableAuthority = class extends edgeway.TableAuthority {
  async descriptorSet() { ${hangs} }
};
export default edgeway.default;
`;
  const workerd = await startWorkerd({ secrets: { EDGEWAY_SYNC_TOKEN: token }, main, log: () => {} });
  try {
    const set = toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema));
    const pusher = new Pusher(connectEdge(`http://${workerd.host}:${workerd.port}`, token));
    expect(await pusher.push(tableTo("a.B", 1, set))).toMatchObject({ kind: "accepted" });
    const headers = { "content-type": "application/json", "connect-protocol-version": "1" };
    const url = `http://${workerd.host}:${workerd.port}/a.B/C`;
    const response = await fetch(url, { method: "POST", headers, body: "{}" });
    expect([response.status, await response.json()]).toEqual([
      503,
      { code: "unavailable", message: "the edge could not carry out the call: no answer within 2 s" },
    ]);
  } finally {
    await workerd.close();
  }
});
