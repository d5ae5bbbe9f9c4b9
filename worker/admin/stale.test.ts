/** Which clusters serve, and which stand by: reports, drains and restarts of the authority. */
import { create, fromBinary } from "@bufbuild/protobuf";
import { beforeEach, expect, test } from "vitest";
import { PushRequestSchema } from "../../proto/gen/edgeway/v1/sync_pb.js";
import { TableSchema } from "../../proto/gen/edgeway/v1/table_pb.js";
import { Authority } from "./authority.ts";
import type { StoredPart } from "./part.ts";

let now: number;
let changes: number;
let stored: Map<string, StoredPart>;
let reports: Map<string, number>;
let authority: Authority;

beforeEach(() => {
  now = 1_000_000;
  changes = 0;
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
  return new Authority(storage, { now: () => now, epoch, staleMs: 60_000, onChange: () => changes++ });
}

function push(cluster: string, lastResort = false) {
  return authority.push(create(PushRequestSchema, { update: { case: "whole", value: { cluster, lastResort } } }));
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
