import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { expect, test } from "vitest";
import type { PushRequest } from "../proto/gen/edgeway/v1/sync_pb.js";
import { PushRequestSchema, PushResponseSchema, StatusResponseSchema } from "../proto/gen/edgeway/v1/sync_pb.js";
import { ClusterTableSchema } from "../proto/gen/edgeway/v1/table_pb.js";
import { Pusher } from "./push.ts";

/** An edge that answers each push with the next of `answers`: a revision or an error. */
function start(...answers: (bigint | Code)[]) {
  const updates: PushRequest["update"][] = [];
  const clusters: { cluster: string; revision: bigint }[] = [];
  const overwritten: bigint[] = [];
  const client: ConstructorParameters<typeof Pusher>[0] = {
    status: () => Promise.resolve(create(StatusResponseSchema, { clusters })),
    push: (request) => {
      updates.push(create(PushRequestSchema, request).update);
      const answer = answers.shift() ?? 0n;
      if (typeof answer !== "bigint") return Promise.reject(new ConnectError("no", answer));
      return Promise.resolve(create(PushResponseSchema, { revision: answer }));
    },
  };
  const pusher = new Pusher(client, Date.now, (revision) => overwritten.push(revision));
  return { pusher, updates, clusters, overwritten };
}

/** Routes by key, each with its hostname. */
function table(routes: Record<string, string>) {
  return create(ClusterTableSchema, {
    cluster: "east",
    routes: Object.entries(routes).map(([key, hostname]) => ({ key, hostnames: [hostname] })),
    backends: [{ key: "default/web:80" }],
  });
}

const many = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`route-${i}`, `${i}.example.com`]));

test("after the whole only what changed is sent: what is new or different, and the keys of what is gone", async () => {
  const { pusher, updates } = start(5n, 6n);
  expect(await pusher.push(table(many))).toEqual({ kind: "accepted", revision: 5n, withheld: [], sent: "whole" });
  const { "route-3": gone, ...left } = many;
  expect(gone).toBeDefined();
  const next = table({ ...left, "route-4": "changed.example.com", "route-new": "new.example.com" });
  expect(await pusher.push(next)).toEqual({ kind: "accepted", revision: 6n, withheld: [], sent: "delta" });
  expect(updates[1]).toMatchObject({
    case: "delta",
    value: {
      cluster: "east",
      baseRevision: 5n,
      routes: [{ key: "route-4" }, { key: "route-new" }],
      removedRoutes: ["route-3"],
      backends: [],
      removedBackends: [],
    },
  });
});

test("the same table is not sent again", async () => {
  const { pusher, updates } = start(5n);
  await pusher.push(table(many));
  expect(await pusher.push(table(many))).toEqual({ kind: "accepted", revision: 5n, withheld: [], sent: undefined });
  expect(updates).toHaveLength(1);
});

test("the whole is sent where the delta is not smaller", async () => {
  const { pusher, updates } = start(5n, 6n);
  await pusher.push(table({ "a-key-longer-than-what-is-saved": "a.example.com" }));
  await pusher.push(table({ b: "b.example.com" }));
  expect(updates.map((update) => update.case)).toEqual(["whole", "whole"]);
});

test("a delta against another revision is followed by the whole at once", async () => {
  const { pusher, updates } = start(5n, Code.FailedPrecondition, 12n);
  await pusher.push(table(many));
  expect(await pusher.push(table({ ...many, x: "x.example.com" }))).toMatchObject({ kind: "accepted", revision: 12n });
  expect(updates.map((update) => update.case)).toEqual(["whole", "delta", "whole"]);
});

test("after a failure the whole is sent, as the edge may or may not have taken the delta", async () => {
  const { pusher, updates } = start(5n, Code.Unavailable, 7n);
  await pusher.push(table(many));
  const next = table({ ...many, x: "x.example.com" });
  expect(await pusher.push(next)).toEqual({ kind: "failed", reason: "[unavailable] no" });
  expect(await pusher.push(next)).toMatchObject({ kind: "accepted", revision: 7n });
  expect(updates.map((update) => update.case)).toEqual(["whole", "delta", "whole"]);
});

test("a refusal changes nothing: the next delta is against the last accepted table", async () => {
  const { pusher, updates } = start(5n, Code.InvalidArgument, 6n);
  await pusher.push(table(many));
  expect(await pusher.push(table({ ...many, bad: "bad" }))).toMatchObject({ kind: "refused", reason: "no" });
  await pusher.push(table({ ...many, good: "good.example.com" }));
  expect(updates[2]).toMatchObject({ case: "delta", value: { baseRevision: 5n, routes: [{ key: "good" }] } });
});

test("an edge that has another revision, or none, gets the whole again", async () => {
  const { pusher, updates, clusters } = start(5n, 6n, 7n);
  expect(await pusher.heartbeat("east")).toBeUndefined();
  await pusher.push(table(many));
  clusters.push({ cluster: "west", revision: 9n }, { cluster: "east", revision: 5n });
  expect(await pusher.heartbeat("east")).toEqual({ kind: "current" });
  clusters.pop();
  expect(await pusher.heartbeat("east")).toEqual({ kind: "stale" });
  await pusher.push(table(many));
  clusters.push({ cluster: "east", revision: 8n });
  expect(await pusher.heartbeat("east")).toEqual({ kind: "stale" });
  await pusher.push(table(many));
  expect(updates.map((update) => update.case)).toEqual(["whole", "whole", "whole"]);
});

test("a revision that another agent pushed is told, by a report as by a delta that has it for its base", async () => {
  const { pusher, clusters, overwritten } = start(5n, 7n, 7n, Code.FailedPrecondition, 9n);
  await pusher.push(table(many));
  await pusher.heartbeat("east");
  expect(overwritten).toEqual([]);
  clusters.push({ cluster: "east", revision: 6n });
  await pusher.push(table(many));
  await pusher.heartbeat("east");
  expect(overwritten).toEqual([6n]);
  await pusher.push(table(many));
  clusters[0]!.revision = 8n;
  await pusher.push(table({ ...many, x: "x.example.com" }));
  expect(overwritten).toEqual([6n, 8n]);
});

test("a push whose answer is on its way is not taken for another agent's", async () => {
  const overwritten: bigint[] = [];
  const answered = Promise.withResolvers<void>();
  let revision = 5n;
  const pusher = new Pusher(
    {
      status: () => Promise.resolve(create(StatusResponseSchema, { clusters: [{ cluster: "east", revision }] })),
      async push() {
        if (revision > 5n) await answered.promise;
        return create(PushResponseSchema, { revision });
      },
    },
    Date.now,
    (seen) => overwritten.push(seen),
  );
  await pusher.push(table(many));
  revision = 6n;
  const second = pusher.push(table({ ...many, x: "x.example.com" }));
  expect(await pusher.heartbeat("east")).toBeUndefined();
  answered.resolve();
  expect(await second).toMatchObject({ kind: "accepted", revision: 6n });
  expect(overwritten).toEqual([]);
});

test("each push is later than the one before, and than another agent's whose clock was ahead", async () => {
  const issued: bigint[] = [];
  const client = {
    status: () =>
      Promise.resolve(create(StatusResponseSchema, { clusters: [{ cluster: "east", issuedMillis: 9000n }] })),
    push({ issuedMillis = 0n }: { readonly issuedMillis?: bigint }) {
      issued.push(issuedMillis);
      if (issued.length === 2) return Promise.reject(new ConnectError("it comes after one at 9000", Code.Aborted));
      return Promise.resolve(create(PushResponseSchema, { revision: BigInt(issued.length) }));
    },
  };
  const pusher = new Pusher(client, () => 1000);
  for (const hostname of ["a.test", "b.test", "c.test"]) {
    // oxlint-disable-next-line no-await-in-loop -- one push at a time
    expect(await pusher.push(table({ r: hostname }))).toMatchObject({ kind: "accepted" });
  }
  expect(issued).toEqual([1000n, 1001n, 9001n, 9002n]);
});
