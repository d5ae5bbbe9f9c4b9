import { expect, test } from "vitest";
import { Fields } from "./call/fields.ts";
import type { Plan } from "./plan.ts";
import { planFromJson, planToJson } from "./plan-json.ts";

const plan: Plan = {
  caller: { protocol: "grpc-web", contentType: "application/grpc-web", codec: "proto", acceptEncoding: "gzip" },
  backend: "east/default/echo:50051",
  endpoint: { host: "fd00::1", port: 50051, tls: true, protocol: "http2" },
  head: {
    method: "POST",
    scheme: "https",
    authority: "x.test",
    path: '/a.B/C?q="ü"',
    fields: new Fields(["x-text", "Grüezi 🏔 \t\\\u007f", "x-text", "again"]),
  },
  timeoutMs: 1500,
  responseHeaders: [{ set: [["server", "edge"]], add: [], remove: ["x-inner"] }],
  cors: undefined,
  translation: undefined,
};

test("a plan survives its way as a header field", () => {
  const json = planToJson(plan);
  expect(json).toMatch(/^[ -~]*$/);
  const headers = new Headers({ plan: json });
  expect(planFromJson(headers.get("plan")!)).toEqual(plan);
});
