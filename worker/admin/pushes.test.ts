import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { BackendSchema, RouteSchema } from "../../proto/gen/edgeway/v1/table_pb.js";
import type { StoredPart } from "./part.ts";
import { PushLog } from "./pushes.ts";

function part(revision: bigint, hostnames: Readonly<Record<string, string>>): StoredPart {
  const routes = Object.entries(hostnames).map(
    ([key, hostname]) => [key, create(RouteSchema, { key, hostnames: [hostname] })] as const,
  );
  const backends = new Map([["b", create(BackendSchema, { key: "b" })]]);
  return { cluster: "east", revision, routes: new Map(routes), backends } as unknown as StoredPart;
}

test("a push says what it added, changed and removed", () => {
  const log = new PushLog(() => 5);
  const before = part(1n, { kept: "k", changed: "x", removed: "r" });
  log.accepted(undefined, before);
  log.accepted(before, part(2n, { kept: "k", changed: "y", added: "a" }));
  const [second, first] = log.view.recent;
  expect(second).toMatchObject({
    time: 5,
    revision: "2",
    routes: { added: ["added"], changed: ["changed"], removed: ["removed"] },
    backends: { added: [], changed: [], removed: [] },
  });
  expect(first!.backends.added).toEqual(["b"]);
});

test("a push that changed nothing is counted only, one that was refused has the reason", () => {
  const log = new PushLog(() => 5);
  log.accepted(part(1n, {}), part(1n, {}));
  log.refused("east", "INVALID_ARGUMENT", "the table has issues");
  log.refused(undefined, "UNAUTHENTICATED", "no token");
  const { counts, recent } = log.view;
  expect(counts).toEqual({ accepted: 1, refused: { INVALID_ARGUMENT: 1, UNAUTHENTICATED: 1 } });
  expect(recent).toMatchObject([{ revision: null, reason: "the table has issues" }]);
});

test("no more than the last ones are kept", () => {
  const log = new PushLog(() => 5);
  for (let i = 0; i < 200; i++) log.refused("east", "a", String(i));
  expect(log.view.recent).toHaveLength(50);
  expect(log.view.recent[0]!.reason).toBe("199");
});
