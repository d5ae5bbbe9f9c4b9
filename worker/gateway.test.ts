import { expect, test } from "vitest";
import { compile } from "../routes/compile.ts";
import { part, route, to } from "../routes/table.fixture.ts";
import type { CallError } from "./call/error.ts";
import { Fields } from "./call/fields.ts";
import { Code } from "./call/status.ts";
import { gatewayOf } from "./gateway.fixture.ts";
import { ManualClock, TestBody, TestHandler } from "./http2/testing/scripted-peer.ts";

const aborted = {
  filter: {
    case: "fault",
    value: { abort: { case: "httpStatus", value: 503 }, abortMillionths: 1_000_000 },
  },
} as const;

test("what fails behind a gate fails its call, and nothing else", async () => {
  const table = compile([part("east", route("gated", { rules: [{ backends: to({ a: 1 }), filters: [aborted] }] }))]);
  const handle = gatewayOf(table, new ManualClock(), new TestHandler().handle);
  const body = new TestBody();
  const { promise: failed, resolve: fail } = Promise.withResolvers<CallError>();
  const respond = () => {
    throw new Error("a defect");
  };
  const head = { method: "POST", scheme: "http", authority: "x.test", path: "/", fields: Fields.empty } as const;
  handle({ head, body }, { respond, fail });
  expect(await failed).toMatchObject({ code: Code.INTERNAL, side: "edge", cause: new Error("a defect") });
  expect(body.cancelledWith).toBe(await failed);
});
