import { expect, test } from "vitest";
import { Fields } from "./call/fields.ts";
import type { Plan } from "./plan.ts";
import { planFromJson, planToJson } from "./plan-json.ts";
import { echo } from "./transport/backend.fixture.ts";

const plan: Plan = {
  caller: { protocol: "grpc-web", contentType: "application/grpc-web", codec: "proto", acceptEncoding: "gzip" },
  rule: { cluster: "east", kind: "GRPCRoute", namespace: "default", name: "echo", ruleIndex: 0 },
  revision: "1",
  backend: "east/default/echo:50051",
  originProtocol: "grpc",
  targets: [echo],
  timeouts: { requestMs: 1000, backendRequestMs: undefined, idleMs: undefined },
  retry: undefined,
  hedging: undefined,
  session: { carrier: "cookie", name: "edge", endpoint: undefined, suffix: "", attributes: "; Path=/" },
  hashKey: "ü",
  head: {
    method: "POST",
    scheme: "https",
    authority: "x.test",
    path: '/a.B/C?q="ü"',
    fields: new Fields(["x-text", "Grüezi 🏔 \t\\\u007f", "x-text", "again"]),
  },
  timeoutMs: 1500,
  responseHeaders: [{ set: [["server", "edge"]], add: [], remove: ["x-inner"] }],
  responseTrailers: [],
  mirrors: [echo],
  cors: undefined,
  translation: undefined,
};

test("a plan survives its way as a header field", () => {
  const json = planToJson(plan);
  expect(json).toMatch(/^[ -~]*$/);
  const headers = new Headers({ plan: json });
  expect(planFromJson(headers.get("plan")!, () => echo)).toEqual(plan);
});
