import { create, fromBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { createHash } from "node:crypto";
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { PushRequestSchema } from "../../proto/gen/edgeway/v1/sync_pb.js";
import {
  type ClusterTable,
  ClusterTableSchema,
  OriginProtocol,
  TableSchema,
} from "../../proto/gen/edgeway/v1/table_pb.js";
import { Authority } from "./authority.ts";
import { type Sql, SqlPartStorage, type SqlValue } from "./sql-part-storage.ts";

function memory(): Sql {
  const database = new DatabaseSync(":memory:");
  return {
    rows: (statement, ...values) => database.prepare(statement).all(...values) as Record<string, SqlValue>[],
    transaction(run) {
      database.exec("BEGIN");
      run();
      database.exec("COMMIT");
    },
  };
}

const source = { kind: "HTTPRoute", namespace: "default", name: "r" };
const set = Uint8Array.from([1, 2, 3]);
const hash = createHash("sha256").update(set).digest("hex");

function tableOf(more: MessageInitShape<typeof ClusterTableSchema> = {}): ClusterTable {
  return create(ClusterTableSchema, {
    cluster: "east",
    routes: [{ key: "r", source, hostnames: ["a.test"], rules: [{}] }],
    backends: [{ key: "b", source, protocol: OriginProtocol.GRPC, descriptors: hash }],
    certificates: [
      {
        key: "c",
        source: { ...source, kind: "Secret" },
        chain: "-----BEGIN CERTIFICATE-----\n",
        privateKey: "-----BEGIN PRIVATE KEY-----\n",
      },
    ],
    descriptorSets: [{ hash, fileDescriptorSet: set }],
    ...more,
  });
}

let now = 1000;

function start(sql: Sql) {
  const authority = new Authority(new SqlPartStorage(sql), { now: () => now, epoch: "e", certificates: true });
  const push = (value: ClusterTable, issuedMillis = 0n) =>
    authority.push(create(PushRequestSchema, { update: { case: "whole", value }, issuedMillis }));
  return { authority, push };
}

test("what was pushed is there after a start: table, certificates, drain and the order of pushes", () => {
  const sql = memory();
  const before = start(sql);
  before.push(tableOf({ lastResort: true }), 500n);
  const { authority, push } = start(sql);
  expect(authority.table()).toEqual(before.authority.table());
  expect(authority.descriptorSet(hash)).toEqual(set);
  expect(authority.status()).toMatchObject([{ revision: 1n, lastResort: true, issuedMillis: 500 }]);
  expect(() => push(tableOf(), 500n)).toThrow("comes after");
  expect(push(tableOf({ lastResort: true }), 501n)).toMatchObject({ revision: 1n });
});

test("when a cluster was last heard is there after a start", () => {
  const sql = memory();
  const { authority, push } = start(sql);
  push(tableOf());
  now += 60_000;
  authority.report("east");
  now += 60_000;
  expect(start(sql).authority.status()).toMatchObject([{ pushedMillis: 1000, reportedMillis: 61_000 }]);
});

test("what a push leaves out is gone after a start", () => {
  const sql = memory();
  const { push } = start(sql);
  push(tableOf());
  push(tableOf({ certificates: [], routes: [] }));
  const [part] = fromBinary(TableSchema, start(sql).authority.table()).clusters;
  expect(part).toMatchObject({ routes: [], certificates: [], backends: [{ key: "b" }] });
});
