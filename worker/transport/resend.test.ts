import { expect, test } from "vitest";
import { Fields } from "../call/fields.ts";
import { headAgain } from "./resend.ts";

test("a head that is sent again has what is left of the deadline in whatever field tells it", () => {
  const head = { method: "POST", scheme: "http", authority: "x", path: "/" } as const;
  const of = (...flat: string[]) => headAgain({ ...head, fields: new Fields(flat) }, 2, 1500).fields.flat;
  expect(of("connect-timeout-ms", "9000", "a", "b")).toEqual(["connect-timeout-ms", "1500", "a", "b"]);
  expect(of("content-type", "application/grpc", "grpc-timeout", "9S", "grpc-previous-rpc-attempts", "1")).toEqual([
    "content-type",
    "application/grpc",
    "grpc-timeout",
    "1500m",
    "grpc-previous-rpc-attempts",
    "2",
  ]);
});

test("a head that is sent late for the first time tells of no attempts but the caller's", () => {
  const fields = new Fields([
    "content-type",
    "application/grpc",
    "grpc-timeout",
    "9S",
    "grpc-previous-rpc-attempts",
    "1",
  ]);
  const head = { method: "POST", scheme: "http", authority: "x", path: "/", fields } as const;
  expect(headAgain(head, 0, 1500).fields.flat).toEqual([
    "content-type",
    "application/grpc",
    "grpc-timeout",
    "1500m",
    "grpc-previous-rpc-attempts",
    "1",
  ]);
});
