import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { IssueSchema } from "../proto/gen/edgeway/v1/sync_pb.js";
import { ClusterTableSchema } from "../proto/gen/edgeway/v1/table_pb.js";
import { servedRoutes, withheldBySource } from "./withheld.ts";

const ref = (name: string) => ({ kind: "Ingress", namespace: "default", name });
const table = create(ClusterTableSchema, {
  cluster: "east",
  routes: [
    { key: "a", source: ref("a"), hostnames: ["a.test"] },
    { key: "b", source: ref("b"), hostnames: ["b.test", "b.east.test"] },
    { key: "every", source: ref("every") },
  ],
});
const issue = (name: string, reason = "not granted") => create(IssueSchema, { source: ref(name), reason });

test("a route is served if one of its hostnames is", () => {
  const issues = [issue("a"), issue("b"), issue("every")];
  expect(servedRoutes([], table)).toBe(3);
  expect(servedRoutes(issues, table)).toBe(1);
  expect([...withheldBySource(issues, table).values()].map(({ all }) => all)).toEqual([true, false, true]);
  expect(servedRoutes([...issues, issue("b")], table)).toBe(0);
});
