/** The Worker's variables and secrets, where they are wrong: the table is served on, and whoever pushes is told why not. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { afterAll, expect, test } from "vitest";
import { startWorkerd, type Workerd } from "../../cli/dev/workerd.ts";
import { connectEdge, Pusher } from "../../kube-sync/push.ts";
import { ClusterTableSchema } from "../../proto/gen/edgeway/v1/table_pb.js";
import { send } from "../e2e/raw.ts";

const persist = mkdtempSync(join(tmpdir(), "edgeway-settings-"));
afterAll(() => rmSync(persist, { recursive: true }));

const token = "settings";
const publicKey = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";
const one = { name: "one", audience: "edge", hostnames: ["granted.test"], publicKey };

const route = (hostname: string) => ({
  key: hostname,
  source: { kind: "HTTPRoute", namespace: "default", name: hostname },
  hostnames: [hostname],
  rules: [{ filters: [{ filter: { case: "directResponse" as const, value: { status: 200, body: hostname } } }] }],
});
const table = create(ClusterTableSchema, { cluster: "one", routes: [route("granted.test"), route("other.test")] });

/** What `run` sees of a Worker with these settings and the storage of those before. */
async function withWorker(
  secrets: Readonly<Record<string, string>>,
  run: (workerd: Workerd, lines: readonly string[]) => Promise<void>,
): Promise<void> {
  const lines: string[] = [];
  const workerd = await startWorkerd({ secrets, persist, log: (line) => void lines.push(line) });
  try {
    await run(workerd, lines);
  } finally {
    await workerd.close();
  }
}

const agentOf = ({ host, port }: Workerd) => connectEdge(`http://${host}:${port}`, token);

const statusOf = async ({ port }: Workerd, host: string): Promise<number> =>
  (await send({ port, path: "/", headers: { host } })).status;

async function refusalOf(workerd: Workerd, agent = agentOf): Promise<ConnectError> {
  const pushed = agent(workerd).push({ update: { case: "whole", value: table } });
  return pushed.then(
    () => Promise.reject(new Error("it was accepted")),
    (error: unknown) => ConnectError.from(error),
  );
}

test("a wrong list of clusters ends pushes, and neither calls nor the limits of what a cluster may claim", async () => {
  const secrets = { EDGEWAY_SYNC_TOKEN: token };
  await withWorker({ ...secrets, EDGEWAY_CLUSTERS: JSON.stringify([one]) }, async (workerd) => {
    expect(await new Pusher(agentOf(workerd)).push(table)).toMatchObject({ kind: "accepted", withheld: { length: 1 } });
  });
  const wrong = { ...secrets, EDGEWAY_CLUSTERS: "[{}]", EDGEWAY_STALE_SECONDS: "abc" };
  await withWorker(wrong, async (workerd, lines) => {
    expect(await statusOf(workerd, "granted.test")).toBe(200);
    expect(await statusOf(workerd, "other.test")).toBe(404);
    const reason = "nobody can push to this edge: EDGEWAY_CLUSTERS: clusters[0].name: must be set to a text";
    expect(await refusalOf(workerd)).toMatchObject({ code: Code.FailedPrecondition, rawMessage: reason });
    expect(lines.join("\n")).toContain(reason);
    expect(lines.join("\n")).toContain("EDGEWAY_STALE_SECONDS must be a whole number of seconds");
  });
});

test("whoever is refused before his push was read is told so, while he still sends it", async () => {
  const codes = async (workerd: Workerd, agent: typeof agentOf): Promise<Set<Code>> => {
    const seen = new Set<Code>();
    // oxlint-disable-next-line no-await-in-loop -- each on a connection that nobody else keeps
    for (let i = 0; i < 20; i++) seen.add((await refusalOf(workerd, agent)).code);
    return seen;
  };
  await withWorker({}, async (workerd) => {
    expect(await codes(workerd, agentOf)).toEqual(new Set([Code.FailedPrecondition]));
  });
  const stranger = ({ host, port }: Workerd) => connectEdge(`http://${host}:${port}`, "none that it knows");
  await withWorker({ EDGEWAY_SYNC_TOKEN: token }, async (workerd) => {
    expect(await codes(workerd, stranger)).toEqual(new Set([Code.Unauthenticated]));
  });
});

test("where nobody can push, whoever tries is told what to set", async () => {
  await withWorker({}, async (workerd) => {
    expect(await refusalOf(workerd)).toMatchObject({
      code: Code.FailedPrecondition,
      rawMessage: "nobody can push to this edge: set EDGEWAY_SYNC_TOKEN or a list of clusters",
    });
  });
});
