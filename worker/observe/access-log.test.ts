import { expect, test } from "vitest";
import { accessLog } from "./access-log.ts";
import { record } from "./record.fixture.ts";

function logged(ratio: number, ...calls: ReturnType<typeof record>[]): unknown[] {
  const lines: string[] = [];
  const log = accessLog({ ratio, random: () => 0.5, write: (line) => lines.push(line) });
  for (const call of calls) log.ended(call);
  return lines.map((line) => JSON.parse(line) as unknown);
}

test("a line says what became of a call, and by which rule of which revision", () => {
  expect(logged(1, record({ durationMs: 1.23456 }))).toEqual([
    {
      time: "2023-11-14T22:13:20.000Z",
      protocol: "grpc",
      method: "POST",
      authority: "a.test",
      path: "/a.S/M",
      revision: "7",
      rule: { cluster: "east", kind: "GRPCRoute", namespace: "default", name: "r", ruleIndex: 0 },
      backend: "east/default/a:80",
      endpoint: "10.0.0.1:80",
      attempts: 1,
      httpStatus: 200,
      grpcStatus: "OK",
      requestBytes: 10,
      responseBytes: 20,
      headMs: 1,
      durationMs: 1.235,
    },
  ]);
});

test("of the calls that go well a share is logged, of those that fail every one", () => {
  const failed = record({ grpcStatus: 14, side: "origin", reason: "gone" });
  expect(logged(0.4, record(), failed)).toMatchObject([{ grpcStatus: "UNAVAILABLE", side: "origin", reason: "gone" }]);
  expect(logged(0.6, record(), failed)).toHaveLength(2);
});
