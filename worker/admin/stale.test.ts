/** Which clusters serve, and which stand by: reports, drains and restarts of the authority. */
import { create, fromBinary } from "@bufbuild/protobuf";
import { beforeEach, expect, test } from "vitest";
import { PushRequestSchema } from "../../proto/gen/edgeway/v1/sync_pb.js";
import { TableSchema } from "../../proto/gen/edgeway/v1/table_pb.js";
import { CompiledTable } from "../snapshot/compiled.ts";
import { Authority } from "./authority.ts";
import type { StoredPart } from "./part.ts";

let now: number;
let changes: number;
let lines: string[];
let stored: Map<string, StoredPart>;
let reports: Map<string, number>;
let authority: Authority;

beforeEach(() => {
  now = 1_000_000;
  changes = 0;
  lines = [];
  stored = new Map();
  reports = new Map();
  authority = start("first");
  push("east");
  push("west");
});

function start(epoch: string): Authority {
  const storage = {
    load: () => stored.values(),
    save: (part: StoredPart) => void stored.set(part.cluster, part),
    descriptorSet: () => undefined,
    reports: () => reports,
    reported: (cluster: string, at: number) => void reports.set(cluster, at),
  };
  return new Authority(storage, {
    now: () => now,
    epoch,
    staleMs: 60_000,
    log: (line) => lines.push(line),
    onChange: () => changes++,
  });
}

const source = { kind: "HTTPRoute", namespace: "default", name: "r" };

function tableOf(cluster: string, lastResort = false, hostnames = ["a.test"]) {
  const routes = hostnames.map((hostname) => ({ key: hostname, source, hostnames: [hostname], rules: [{}] }));
  return { cluster, lastResort, routes };
}

function push(...table: Parameters<typeof tableOf>) {
  return authority.push(create(PushRequestSchema, { update: { case: "whole", value: tableOf(...table) } }));
}

/** The clusters that serve only what no other can, as readers get them. */
function lastResorts(): string[] {
  const { clusters } = fromBinary(TableSchema, authority.table());
  return clusters.flatMap(({ cluster, lastResort }) => (lastResort ? cluster : []));
}

test("a cluster that has not reported for long is a last resort, until it reports", () => {
  now += 50_000;
  authority.report("east");
  now += 10_001;
  const { version } = authority;
  expect(authority.tableSince(version)).toBeDefined();
  expect(lastResorts()).toEqual(["west"]);
  expect(authority.status()).toMatchObject([{ lastResort: false }, { lastResort: true }]);
  expect(authority.tableSince(authority.version)).toBeUndefined();
  authority.report("west");
  expect(lastResorts()).toEqual([]);
  expect(changes).toBe(4);
});

test("that a cluster falls silent is logged once, and that it is heard again", () => {
  now += 50_000;
  authority.report("east");
  now += 10_001;
  authority.noticeStale();
  authority.noticeStale();
  expect(authority.status()).toMatchObject([
    { silent: false, reportedMillis: 1_050_000 },
    { silent: true, drained: false, lastResort: true, reportedMillis: 1_000_000 },
  ]);
  authority.report("west");
  expect(lines).toEqual([
    "cluster west was not heard for 60 s: it serves only what no other cluster can",
    "cluster west is heard again",
  ]);
});

test("its next push is a report, though it changes nothing", () => {
  now += 60_001;
  authority.report("east");
  expect(lastResorts()).toEqual(["west"]);
  const { revision } = authority.status()[1]!;
  expect(push("west")).toMatchObject({ revision });
  expect(lastResorts()).toEqual([]);
});

test("a cluster that is drained is one, though it reports", () => {
  push("east", true);
  expect(lastResorts()).toEqual(["east"]);
  push("east");
  expect(lastResorts()).toEqual([]);
});

test("after a start all clusters have as long again to report", () => {
  now += 60_001;
  authority = start("second");
  expect(lastResorts()).toEqual([]);
  now += 60_001;
  authority.noticeStale();
  expect(lastResorts()).toEqual(["east", "west"]);
});

test("when a cluster was last heard is known after a start, and does not make it stale at once", () => {
  authority.report("east");
  now += 40_000;
  authority.report("west");
  const heard = () => authority.status().map(({ reportedMillis }) => reportedMillis);
  expect(heard()).toEqual([1_000_000, 1_040_000]);
  now += 1_000_000;
  authority = start("second");
  expect(heard()).toEqual([1_000_000, 1_040_000]);
  expect(lastResorts()).toEqual([]);
});

test("a cluster is forgotten once it is silent for long, and not before", () => {
  now += 50_000;
  authority.report("east");
  now += 10_001;
  expect(() => authority.forget("east")).toThrow("cluster east was heard 10 s ago, and has routes");
  authority.forget("west");
  expect(authority.status().map(({ cluster }) => cluster)).toEqual(["east"]);
  expect(authority.get("west")).toBeUndefined();
  expect(() => authority.forget("west")).toThrow("no cluster west has pushed");
  authority.report("west");
  expect(lastResorts()).toEqual([]);
});

test("a cluster without routes is forgotten at once", () => {
  push("west", false, []);
  authority.forget("west");
  expect(authority.status().map(({ cluster }) => cluster)).toEqual(["east"]);
});

test("who read the table in another run of the authority learns that a cluster is forgotten", () => {
  const reader = new CompiledTable();
  reader.swap(authority.table());
  now += 60_001;
  authority.forget("west");
  authority = start("second");
  reader.swap(authority.table());
  expect(reader.table!.parts.map((part) => [part.cluster, part.routes.length])).toEqual([
    ["east", 1],
    ["west", 0],
  ]);
  expect(authority.status().map(({ cluster }) => cluster)).toEqual(["east"]);
});

test("no push of a forgotten cluster can be repeated, and its next one brings it back", () => {
  const issued = (issuedMillis: bigint) =>
    authority.push(create(PushRequestSchema, { update: { case: "whole", value: tableOf("west") }, issuedMillis }));
  issued(500n);
  now += 60_001;
  authority.forget("west");
  authority = start("second");
  expect(() => issued(500n)).toThrow("comes after");
  expect(issued(501n).revision).toBe(authority.status()[1]!.revision);
  expect(authority.status()).toMatchObject([{ cluster: "east" }, { cluster: "west", routes: 1, pushedMillis: now }]);
});

test("no two versions are the same after a start, even where revisions are", () => {
  now += 60_001;
  authority.noticeStale();
  const { version } = authority;
  authority = start("second");
  now += 60_001;
  authority.noticeStale();
  expect(authority.version).not.toBe(version);
  expect(authority.tableSince(version)).toBeDefined();
});

test("who never pushed cannot report", () => {
  authority.report("north");
  expect(authority.status().map(({ cluster }) => cluster)).toEqual(["east", "west"]);
});
