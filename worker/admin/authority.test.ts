import { create, fromBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import {
  type DeltaSchema,
  PushRequestSchema,
  PushResponseSchema,
  SyncService,
} from "../../proto/gen/edgeway/v1/sync_pb.js";
import { type ClusterTableSchema, OriginProtocol, TableSchema } from "../../proto/gen/edgeway/v1/table_pb.js";
import { toBinary } from "@bufbuild/protobuf";
import { createAuthenticate } from "./authenticate.ts";
import { Authority } from "./authority.ts";
import { type PartStorage, tableOf } from "./part.ts";
import { adminPath } from "./admin-path.ts";
import { createSyncService } from "./sync-service.ts";

type TableInit = MessageInitShape<typeof ClusterTableSchema>;
type DeltaInit = MessageInitShape<typeof DeltaSchema>;

/** Keeps what is written as rows, as a database would. */
function storage(): PartStorage & { readonly sets: Map<string, Uint8Array> } {
  const sets = new Map<string, Uint8Array>();
  return {
    sets,
    load: () => [],
    descriptorSet: (hash) => [...sets].find(([key]) => key.endsWith(`/${hash}`))?.[1],
    save({ cluster }, { descriptorSets }) {
      for (const [hash, bytes] of descriptorSets) {
        if (bytes === undefined) sets.delete(`${cluster}/${hash}`);
        else sets.set(`${cluster}/${hash}`, bytes);
      }
    },
  };
}

function setOf(...bytes: number[]) {
  const fileDescriptorSet = Uint8Array.from(bytes);
  return { hash: createHash("sha256").update(fileDescriptorSet).digest("hex"), fileDescriptorSet };
}

const [first, second] = [setOf(1), setOf(2)];

function backend(key: string, descriptors = "") {
  const source = { kind: "Service", namespace: "default", name: "a" };
  return { key, source, protocol: OriginProtocol.GRPC, descriptors };
}

function start() {
  const stored = storage();
  const authority = new Authority(stored, { now: () => 0, epoch: "e" });
  const whole = (value: TableInit) =>
    authority.push(create(PushRequestSchema, { update: { case: "whole", value: { cluster: "east", ...value } } }));
  const delta = (value: DeltaInit) =>
    authority.push(create(PushRequestSchema, { update: { case: "delta", value: { cluster: "east", ...value } } }));
  return { authority, stored, whole, delta };
}

test("readers get the hashes with the table, and the bytes of a set by its hash", () => {
  const { authority, whole } = start();
  whole({ descriptorSets: [first], backends: [backend("a", first.hash)] });
  const { clusters } = fromBinary(TableSchema, authority.tableSince("")!);
  expect(clusters[0]).toMatchObject({
    backends: [{ descriptors: first.hash }],
    descriptorSets: [{ hash: first.hash, fileDescriptorSet: new Uint8Array() }],
  });
  expect(authority.descriptorSet(first.hash)).toEqual(first.fileDescriptorSet);
  expect(authority.descriptorSet(second.hash)).toBeUndefined();
  expect(tableOf(authority.get("east")!).descriptorSets).toMatchObject([{ hash: first.hash }]);
});

test("a delta adds and removes sets, and leaves the others", () => {
  const { authority, stored, whole, delta } = start();
  whole({ descriptorSets: [first], backends: [backend("a", first.hash)] });
  expect(delta({ baseRevision: 1n, descriptorSets: [second], backends: [backend("b", second.hash)] })).toMatchObject({
    revision: 2n,
  });
  expect([...stored.sets.values()]).toEqual([first.fileDescriptorSet, second.fileDescriptorSet]);
  const removal = { removedBackends: ["a"], removedDescriptorSets: [first.hash] };
  expect(delta({ baseRevision: 2n, ...removal })).toMatchObject({ revision: 3n });
  expect([...stored.sets.values()]).toEqual([second.fileDescriptorSet]);
  expect(delta({ baseRevision: 3n, descriptorSets: [second] })).toMatchObject({ revision: 3n });
  expect(authority.get("east")?.descriptorSets).toEqual(new Set([second.hash]));
});

test("a set that a backend names is not removed, nor a backend put that names none", () => {
  const { stored, whole, delta } = start();
  whole({ descriptorSets: [first], backends: [backend("a", first.hash)] });
  expect(() => delta({ baseRevision: 1n, removedDescriptorSets: [first.hash] })).toThrow("names no descriptor set");
  expect(() => delta({ baseRevision: 1n, backends: [backend("b", second.hash)] })).toThrow("names no descriptor set");
  expect(stored.sets.size).toBe(1);
});

test("a whole replaces the sets too, each cluster's for itself", () => {
  const { authority, stored, whole } = start();
  whole({ descriptorSets: [first, second] });
  whole({ cluster: "west", descriptorSets: [first] });
  expect(whole({ descriptorSets: [second] })).toMatchObject({ revision: 3n });
  expect([...stored.sets.keys()]).toEqual([`east/${second.hash}`, `west/${first.hash}`]);
  expect(authority.descriptorSet(first.hash)).toEqual(first.fileDescriptorSet);
});

test("a set under another's hash is refused", async () => {
  const { authority, stored } = start();
  const authenticate = createAuthenticate({ syncToken: "t", clusters: [], now: () => 0, fetch })!;
  const service = createSyncService({ authority, authenticate });
  const push = (descriptorSets: TableInit["descriptorSets"]) => {
    const update = { case: "whole", value: { cluster: "east", descriptorSets } } as const;
    return service(
      new Request(`http://edge${adminPath}/${SyncService.typeName}/Push`, {
        method: "POST",
        headers: { "content-type": "application/proto", authorization: "Bearer t" },
        body: new Uint8Array(toBinary(PushRequestSchema, create(PushRequestSchema, { update }))),
      }),
    );
  };
  const refused = await push([{ hash: first.hash, fileDescriptorSet: second.fileDescriptorSet }]);
  expect(await refused.json()).toMatchObject({
    code: "invalid_argument",
    message: expect.stringContaining(second.hash),
  });
  expect(stored.sets.size).toBe(0);
  const accepted = await push([first]);
  expect(fromBinary(PushResponseSchema, new Uint8Array(await accepted.arrayBuffer())).revision).toBe(1n);
});
