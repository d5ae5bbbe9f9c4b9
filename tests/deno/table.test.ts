/** The route table's home on Deno: Deno KV, which isolates share, and a SQLite file where there is none. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect, promisify } from "node:util";
import { create } from "@bufbuild/protobuf";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { connectEdge, Pusher, type PushOutcome } from "../../kube-sync/push.ts";
import { type ClusterTable, ClusterTableSchema } from "../../proto/gen/edgeway/v1/table_pb.js";
import { deno, denoRun } from "../edges/deno.ts";
import { until } from "../e2e/until.ts";
import { type DenoMain, startDenoMain, token } from "./main.ts";

let folder: string;
const running: DenoMain[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "edgeway-deno-"));
});

afterEach(async () => {
  await Promise.all(running.splice(0).map((edge) => edge.stop()));
  rmSync(folder, { recursive: true });
});

async function start(...flags: string[]): Promise<DenoMain> {
  const env = { DENO_DIR: folder, EDGEWAY_DATABASE: join(folder, "table.db") };
  const edge = await startDenoMain(env, flags);
  running.push(edge);
  return edge;
}

/** `https://CLUSTER.example/` answers with `text`; the other routes make the table large. */
function tableOf(cluster: string, text: string, others = 0): ClusterTable {
  const routes = Array.from({ length: others + 1 }, (_, index) => ({
    key: `HTTPRoute/default/r${index}`,
    source: { kind: "HTTPRoute", namespace: "default", name: `r${index}` },
    hostnames: [index === 0 ? `${cluster}.example` : `r${index}.${cluster}.example`],
    rules: [
      { filters: [{ filter: { case: "directResponse" as const, value: { status: 200, body: `${text} ${index}` } } }] },
    ],
  }));
  return create(ClusterTableSchema, { cluster, routes });
}

/** As an agent does: again, if it may work later. */
async function push(edge: DenoMain, table: ClusterTable): Promise<void> {
  const pusher = new Pusher(connectEdge(edge.url, token));
  let outcome: PushOutcome | undefined;
  const accepted = async (): Promise<boolean> => {
    outcome = await pusher.push(table);
    return outcome.kind !== "failed";
  };
  await until(accepted, () => inspect(outcome));
  expect(outcome).toMatchObject({ kind: "accepted" });
}

async function answer(edge: DenoMain, host: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = get(edge.url, { headers: { host } }, (response) => {
      let text = "";
      response.on("data", (chunk: Buffer) => (text += chunk.toString()));
      response.on("end", () => resolve(response.statusCode === 200 ? text : String(response.statusCode)));
    });
    request.on("error", reject);
  });
}

describe.each([
  ["Deno KV", ["--unstable-kv"], "Deno KV"],
  ["stock Deno, in a file", [], "table.db"],
])("on %s", (_, flags, storage) => {
  test("a table that was pushed is served, and after a restart at once", async () => {
    const first = await start(...flags);
    expect(first.storage).toContain(storage);
    await push(first, tableOf("one", "old"));
    await push(first, tableOf("one", "new", 3_000));
    expect(await answer(first, "one.example")).toBe("new 0");
    expect(await first.stop()).toBe(0);
    const second = await start(...flags);
    expect(await answer(second, "r3000.one.example")).toBe("new 3000");
  });
});

test("a file that another process has is refused in one line, until that one stops", async () => {
  const first = await start();
  await expect(start()).rejects.toThrow(`edgeway: ${join(folder, "table.db")} is in use by another Edgeway`);
  await push(first, tableOf("one", "first"));
  expect(await first.stop()).toBe(0);
  expect(await answer(await start(), "one.example")).toBe("first 0");
});

test("that nobody can push is said after the start, where it is so", async () => {
  const line =
    "edgeway: nobody can push a route table: set EDGEWAY_SYNC_TOKEN, or name the clusters with EDGEWAY_CLUSTERS";
  const open = await start();
  await open.stop();
  expect(open.stderr()).not.toContain("nobody can push");
  const env = { EDGEWAY_DATABASE: join(folder, "other.db"), EDGEWAY_SYNC_TOKEN: "" };
  const closed = await startDenoMain(env, []);
  running.push(closed);
  await until(
    () => closed.stderr().includes(line),
    () => closed.stderr(),
  );
});

test("isolates that share Deno KV follow each other, and pushes to several at once all count", async () => {
  const edges = [await start("--unstable-kv"), await start("--unstable-kv")] as const;
  await push(edges[0], tableOf("one", "first"));
  await until(
    async () => (await answer(edges[1], "one.example")) === "first 0",
    () => "the other isolate follows",
  );
  const clusters = ["two", "three", "four", "five", "six", "seven"];
  await Promise.all(clusters.map((cluster, index) => push(edges[index % 2]!, tableOf(cluster, "at once", 200))));
  for (const edge of edges) {
    for (const cluster of clusters) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await until(
        async () => (await answer(edge, `${cluster}.example`)) === "at once 0",
        () => `${cluster} is served`,
      );
    }
  }
});

test("of several authorities over one KV, each is told at once of what another was", async () => {
  const script = join(import.meta.dirname, "follow.ts");
  const { stdout } = await promisify(execFile)(deno, [...denoRun, "--unstable-kv", script]);
  const { followedMs, lastResorts, revisions, silent } = JSON.parse(stdout) as Record<string, never>;
  expect(followedMs).toBeLessThan(2_000);
  expect(lastResorts).toEqual(Array(8).fill(false));
  expect(new Set(revisions).size).toBe(5);
  expect(silent).toEqual([false, false, false, false, false, true, true]);
});

test("a setting that is wrong ends it with one line", async () => {
  await expect(startDenoMain({ PORT: "none" }, [])).rejects.toThrow("edgeway: PORT must be a whole number");
});
