import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { once } from "node:events";
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import type { PushRequest } from "../proto/gen/edgeway/v1/sync_pb.js";
import { RefusalSchema, SyncService } from "../proto/gen/edgeway/v1/sync_pb.js";
import type { AgentOptions } from "./agent.ts";
import { Agent, startAgent } from "./agent.ts";
import type { Clock } from "./clock.ts";
import { systemClock } from "./clock.ts";
import { filesSource } from "./source-files.ts";

const closers: (() => unknown)[] = [];
afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
});

function ingress(name: string, host: string): string {
  const backend = `{service: {name: web, port: {number: 80}}}`;
  return `{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: ${name}},
  spec: {rules: [{host: ${host}, http: {paths: [{path: /, pathType: Prefix, backend: ${backend}}]}}]}}\n`;
}

const hurried: Clock = { now: () => systemClock.now(), after: (ms, run) => systemClock.after(ms / 1000, run) };

async function makeDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "edgeway-agent-"));
  closers.push(() => rm(directory, { recursive: true }));
  return directory;
}

/** An edge that keeps no table: `answer` is called for each push, and says how it ends. */
async function startEdge(answer: (push: PushRequest, count: number) => bigint) {
  const pushes: PushRequest[] = [];
  const tokens: (string | null)[] = [];
  let revision = 0n;
  let wake: (() => void) | undefined;
  const server = createServer(
    connectNodeAdapter({
      requestPathPrefix: "/_edgeway",
      routes: (router) =>
        router.service(SyncService, {
          push(request, context) {
            tokens.push(context.requestHeader.get("authorization"));
            pushes.push(request);
            wake?.();
            revision = answer(request, pushes.length);
            return { revision };
          },
          status: () => ({ clusters: [{ cluster: "east", revision }] }),
        }),
    }),
  );
  await once(server.listen(0, "127.0.0.1"), "listening");
  closers.push(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("not listening on a port");
  /** The nth push, from 1. */
  const nth = async (n: number): Promise<PushRequest["update"]> => {
    while (pushes.length < n) await new Promise<void>((resolve) => (wake = resolve));
    return pushes[n - 1]!.update;
  };
  const forget = () => (revision = 0n);
  const overwrite = () => (revision += 100n);
  return { forget, overwrite, url: `http://127.0.0.1:${address.port}`, pushes, tokens, nth };
}

async function start(options: Pick<AgentOptions, "edgeUrl"> & Partial<AgentOptions> & { readonly directory: string }) {
  const source = filesSource(options.directory);
  const agent = await startAgent({
    cluster: "east",
    source,
    adoptAll: true,
    token: "secret",
    log: () => {},
    ...options,
  });
  closers.push(() => agent.close());
  return agent;
}

function hostsOf(update: PushRequest["update"]): string[] {
  const routes = update.case === "whole" || update.case === "delta" ? update.value.routes : [];
  return routes.flatMap(({ hostnames }) => hostnames).toSorted();
}

test("the first push is the whole table, made under the cluster's name and token", async () => {
  const directory = await makeDirectory();
  await writeFile(join(directory, "web.yaml"), ingress("web", "a.example.com"));
  const edge = await startEdge((_, count) => BigInt(count));
  await start({ directory, edgeUrl: edge.url });
  expect(edge.pushes).toHaveLength(1);
  expect(edge.tokens).toEqual(["Bearer secret"]);
  const { update } = edge.pushes[0]!;
  expect(update).toMatchObject({ case: "whole", value: { cluster: "east" } });
  expect(hostsOf(update)).toEqual(["a.example.com"]);
});

test("files that are added, replaced by rename, edited and deleted each lead to a delta, also in new directories", async () => {
  const directory = await makeDirectory();
  await writeFile(join(directory, "web.yaml"), ingress("web", "a.example.com"));
  await writeFile(join(directory, "other.yaml"), ingress("other", "other.example.com"));
  const edge = await startEdge((_, count) => BigInt(count));
  await start({ directory, edgeUrl: edge.url });

  await writeFile(join(directory, ".web.yaml.swp"), ingress("web", "b.example.com"));
  await rename(join(directory, ".web.yaml.swp"), join(directory, "web.yaml"));
  const second = await edge.nth(2);
  expect(second).toMatchObject({
    case: "delta",
    value: { cluster: "east", baseRevision: 1n, removedRoutes: ["Ingress/default/web/a.example.com"] },
  });
  expect(hostsOf(second)).toEqual(["b.example.com"]);

  await mkdir(join(directory, "team", "apps"), { recursive: true });
  await writeFile(join(directory, "team", "apps", "late.yml"), ingress("late", "late.example.com"));
  expect(hostsOf(await edge.nth(3))).toEqual(["late.example.com"]);

  await writeFile(join(directory, "team", "apps", "late.yml"), ingress("late", "later.example.com"));
  expect(hostsOf(await edge.nth(4))).toEqual(["later.example.com"]);

  await rm(join(directory, "team"), { recursive: true });
  expect(await edge.nth(5)).toMatchObject({
    case: "delta",
    value: { baseRevision: 4n, removedRoutes: ["Ingress/default/late/later.example.com"], routes: [] },
  });

  await mkdir(join(directory, "team"));
  await writeFile(join(directory, "team", "again.json"), ingress("again", "again.example.com"));
  expect(hostsOf(await edge.nth(6))).toEqual(["again.example.com"]);
});

test("a change that no route depends on is not pushed", async () => {
  const directory = await makeDirectory();
  await writeFile(join(directory, "web.yaml"), ingress("web", "a.example.com"));
  const edge = await startEdge((_, count) => BigInt(count));
  await start({ directory, edgeUrl: edge.url });
  await writeFile(join(directory, "note.yaml"), "{apiVersion: v1, kind: ConfigMap, metadata: {name: note}}");
  await writeFile(
    join(directory, "unused.yaml"),
    "{apiVersion: v1, kind: Service, metadata: {name: unused}, spec: {}}",
  );
  await writeFile(join(directory, "web.yaml"), `# comment\n${ingress("web", "a.example.com")}`);
  await writeFile(join(directory, "second.yaml"), ingress("second", "second.example.com"));
  expect(hostsOf(await edge.nth(2))).toEqual(["second.example.com"]);
  expect(edge.pushes).toHaveLength(2);
});

test("an edge that has another revision gets the whole table", async () => {
  const directory = await makeDirectory();
  await writeFile(join(directory, "web.yaml"), ingress("web", "a.example.com"));
  const edge = await startEdge(({ update }, count) => {
    if (update.case === "delta") throw new ConnectError("the revision is 7", Code.FailedPrecondition);
    return BigInt(count);
  });
  await start({ directory, edgeUrl: edge.url });
  await writeFile(join(directory, "second.yaml"), ingress("second", "second.example.com"));
  expect(await edge.nth(2)).toMatchObject({ case: "delta" });
  const third = await edge.nth(3);
  expect(third).toMatchObject({ case: "whole" });
  expect(hostsOf(third)).toEqual(["a.example.com", "second.example.com"]);
});

test("an edge that is down is tried again, and said once", async () => {
  const directory = await makeDirectory();
  await writeFile(join(directory, "web.yaml"), ingress("web", "a.example.com"));
  const lines: string[] = [];
  const edge = await startEdge((_, count) => {
    if (count < 4) throw new ConnectError("starting", Code.Unavailable);
    return 1n;
  });
  await start({ directory, edgeUrl: edge.url, random: () => 0, log: (line) => lines.push(line) });
  expect(edge.pushes).toHaveLength(4);
  expect(lines).toEqual([
    `east: cannot push to ${edge.url}, trying again: [unavailable] starting`,
    "east: revision 1 is live: 1 route",
  ]);
});

test("an edge that fails in several ways in turn is said once for each of them", async () => {
  const directory = await makeDirectory();
  await writeFile(join(directory, "web.yaml"), ingress("web", "a.example.com"));
  const lines: string[] = [];
  const edge = await startEdge((_, count) => {
    if (count > 6) return 1n;
    if (count % 2 === 0) throw new ConnectError("away", Code.Unavailable);
    throw new ConnectError(`a push made at ${count} is far ahead of this edge's clock, ${count}`, Code.Unauthenticated);
  });
  await start({ directory, edgeUrl: edge.url, random: () => 0, log: (line) => lines.push(line) });
  const refused = "the agent's token is refused: a push made at 1 is far ahead of this edge's clock, 1";
  expect(lines).toEqual([
    `east: cannot push to ${edge.url}, trying again: ${refused}`,
    `east: cannot push to ${edge.url}, trying again: [unavailable] away`,
    "east: revision 1 is live: 1 route",
  ]);
});

test("an edge that takes no push for three reports' time is trouble until it takes one, and is said once", async () => {
  const directory = await makeDirectory();
  await writeFile(join(directory, "web.yaml"), ingress("web", "a.example.com"));
  const lines: string[] = [];
  let away = false;
  const edge = await startEdge((_, count) => {
    if (away) throw new ConnectError("away", Code.Unavailable);
    return BigInt(count);
  });
  const agent = await start({ directory, edgeUrl: edge.url, clock: hurried, log: (line) => lines.push(line) });
  away = true;
  await writeFile(join(directory, "late.yaml"), ingress("late", "late.example.com"));
  await expect.poll(() => agent.trouble).toMatch(/has not taken the last \d+ reports: \[unavailable\] away$/);
  away = false;
  await expect.poll(() => agent.trouble).toBeUndefined();
  expect(lines).toEqual([
    "east: revision 1 is live: 1 route",
    `east: cannot push to ${edge.url}, trying again: [unavailable] away`,
    expect.stringMatching(/^east: revision \d+ is live: 2 routes$/),
  ]);
});

test("an edge that lost its table gets it again", async () => {
  const directory = await makeDirectory();
  await writeFile(join(directory, "web.yaml"), ingress("web", "a.example.com"));
  const edge = await startEdge((_, count) => BigInt(count));
  await start({ directory, edgeUrl: edge.url, clock: hurried });
  edge.forget();
  const second = await edge.nth(2);
  expect(second).toMatchObject({ case: "whole" });
  expect(hostsOf(second)).toEqual(["a.example.com"]);
});

test("a refused table is not sent again; the next change is", async () => {
  const directory = await makeDirectory();
  await writeFile(join(directory, "web.yaml"), ingress("web", "a.example.com"));
  const lines: string[] = [];
  const issues = [
    { source: { kind: "Ingress", namespace: "default", name: "bad" }, field: "hostnames[0]", reason: "not granted" },
  ];
  const edge = await startEdge((push, count) => {
    if (!hostsOf(push.update).includes("bad.example.com")) return BigInt(count);
    throw new ConnectError("refused", Code.InvalidArgument, undefined, [
      { desc: RefusalSchema, value: create(RefusalSchema, { issues }) },
    ]);
  });
  await start({ directory, edgeUrl: edge.url, log: (line) => lines.push(line) });
  await writeFile(join(directory, "bad.yaml"), ingress("bad", "bad.example.com"));
  expect(hostsOf(await edge.nth(2))).toEqual(["bad.example.com"]);
  await writeFile(join(directory, "bad.yaml"), ingress("bad", "good.example.com"));
  const third = await edge.nth(3);
  expect(hostsOf(third)).toEqual(["good.example.com"]);
  expect(third.value).toMatchObject({ baseRevision: 1n });
  expect(lines).toContain("east: Ingress default/bad hostnames[0]: not granted");
});

test("a missing directory is one clear error", async () => {
  const starting = start({ directory: "/nowhere/manifests", edgeUrl: "http://127.0.0.1:1" });
  await expect(starting).rejects.toThrow("cannot read manifests from /nowhere/manifests: no such directory");
});

test("a file given for a directory is one clear error", async () => {
  const directory = await makeDirectory();
  const file = join(directory, "web.yaml");
  await writeFile(file, ingress("web", "a.example.com"));
  await expect(start({ directory: file, edgeUrl: "http://127.0.0.1:1" })).rejects.toThrow("it is not a directory");
});

test("reports come with the file, and again when they change", async () => {
  const directory = await makeDirectory();
  await writeFile(join(directory, "web.yaml"), `${ingress("web", "a.example.com")}---\nkind: [\n`);
  const edge = await startEdge((_, count) => BigInt(count));
  const reports: string[][] = [];
  let wake: (() => void) | undefined;
  await start({
    directory,
    edgeUrl: edge.url,
    onReport: (report) => {
      reports.push(report.map(({ source, field, reason }) => `${source.file} ${source.name} ${field} ${reason}`));
      wake?.();
    },
  });
  expect(reports).toEqual([
    [
      expect.stringContaining("web.yaml  line 5, column 1"),
      "web.yaml web spec.rules[0].http.paths[0].backend.service.name there is no Service default/web",
    ],
  ]);
  const next = new Promise<void>((resolve) => (wake = resolve));
  await writeFile(join(directory, "web.yaml"), ingress("web", "a.example.com"));
  await next;
  expect(reports[1]).toEqual([expect.stringContaining("there is no Service default/web")]);
});

test("it pushes only while it leads, and then the whole, as another may have pushed meanwhile", async () => {
  const directory = await makeDirectory();
  await writeFile(join(directory, "web.yaml"), ingress("web", "a.example.com"));
  const edge = await startEdge((_, count) => BigInt(count));
  const source = filesSource(directory);
  const options = { cluster: "east", source, adoptAll: true, edgeUrl: edge.url, token: "secret", log: () => {} };
  const agent = new Agent(options);
  closers.push(() => agent.close());
  await agent.start();
  expect(agent.trouble).toBeUndefined();
  agent.lead(true);
  await agent.accepted;
  agent.lead(false);
  await writeFile(join(directory, "late.yaml"), ingress("late", "late.example.com"));
  await expect.poll(() => agent.objectCounts().get("Ingress")).toBe(2);
  expect(edge.pushes).toHaveLength(1);
  agent.lead(true);
  const second = await edge.nth(2);
  expect(second).toMatchObject({ case: "whole" });
  expect(hostsOf(second)).toEqual(["a.example.com", "late.example.com"]);
});

test("two agents of one name that overwrite each other both say so, once", async () => {
  const edge = await startEdge((_, count) => BigInt(count));
  const agents = await Promise.all(
    ["a.example.com", "b.example.com"].map(async (host) => {
      const directory = await makeDirectory();
      await writeFile(join(directory, "web.yaml"), ingress("web", host));
      const lines: string[] = [];
      let overwrites = 0;
      await start({
        directory,
        edgeUrl: edge.url,
        clock: hurried,
        log: (line) => lines.push(line),
        onOverwritten: () => (overwrites += 1),
      });
      return { lines, overwrites: () => overwrites };
    }),
  );
  for (const { lines, overwrites } of agents) {
    // oxlint-disable-next-line no-await-in-loop -- the one or the other first
    await expect.poll(overwrites).toBeGreaterThan(3);
    expect(lines.filter((line) => !line.includes("is live"))).toEqual([
      expect.stringMatching(
        /^east: the edge has revision \d+ of east, which this agent did not push: is another agent named east\?$/,
      ),
    ]);
  }
});

test("what another replica pushed while it led is not taken for another agent's", async () => {
  const directory = await makeDirectory();
  await writeFile(join(directory, "web.yaml"), ingress("web", "a.example.com"));
  const edge = await startEdge((_, count) => BigInt(count));
  let [overwrites, heartbeats] = [0, 0];
  const agent = await start({
    directory,
    edgeUrl: edge.url,
    clock: hurried,
    onOverwritten: () => (overwrites += 1),
    onHeartbeat: () => (heartbeats += 1),
  });
  for (const n of [2, 3, 4]) {
    agent.lead(false);
    edge.overwrite();
    agent.lead(true);
    // oxlint-disable-next-line no-await-in-loop -- one term after the other
    expect(await edge.nth(n)).toMatchObject({ case: "whole" });
  }
  heartbeats = 0;
  await expect.poll(() => heartbeats).toBeGreaterThan(1);
  expect(overwrites).toBe(0);
});
