import { expect, test } from "vitest";
import { Fields } from "../call/fields.ts";
import { ObservedCall } from "./call.ts";

test("of a call's method, authority and path no more is kept than is shown", () => {
  const long = "A".repeat(60_000);
  const head = { method: long, scheme: "http", authority: long, path: `/${long}`, fields: Fields.empty } as const;
  const start = { head, protocol: "http", revision: "1", rule: undefined, backend: undefined, trace: undefined };
  const nobody = { began() {}, ended() {} };
  const { record } = new ObservedCall(start, 0, { now: () => 0, after: () => () => {} }, nobody);
  expect([record.httpMethod, record.authority, record.path].map(({ length }) => length)).toEqual([1_000, 1_000, 1_000]);
});
