import { expect, test } from "vitest";
import { Fields } from "../call/fields.ts";
import { Code } from "../call/status.ts";
import { decodeGrpcEnd, encodeGrpcEnd } from "./grpc-end.ts";
import { isValidMetadata } from "./metadata.ts";

test("an end comes back as it was, with its message percent-coded and its details in base64", () => {
  const metadata = new Fields(["x-a", "1", "x-a", "2"]);
  const end = { code: Code.ABORTED, message: "50% é", details: Uint8Array.of(1, 2), metadata };
  const fields = encodeGrpcEnd(end);
  expect(fields.flat).toEqual([
    "grpc-status",
    "10",
    "grpc-message",
    "50%25 %C3%A9",
    "grpc-status-details-bin",
    "AQI",
    "x-a",
    "1",
    "x-a",
    "2",
  ]);
  expect(decodeGrpcEnd(fields, metadata)).toEqual(end);
});

test("success without metadata is one shared field list", () => {
  const end = { code: Code.OK, message: "", details: undefined, metadata: Fields.empty };
  expect(encodeGrpcEnd(end).flat).toEqual(["grpc-status", "0"]);
  expect(encodeGrpcEnd(end)).toBe(encodeGrpcEnd({ ...end }));
});

test("fields without a status are no end", () => {
  expect(decodeGrpcEnd(new Fields(["grpc-message", "x"]), Fields.empty)).toBeUndefined();
});

test.each(["17", "-1", "", "00", "01", "1e1", "abc", "999"])("the status %j counts as UNKNOWN", (status) => {
  expect(decodeGrpcEnd(new Fields(["grpc-status", status]), Fields.empty)?.code).toBe(Code.UNKNOWN);
});

test("a malformed message or malformed details never lose the status", () => {
  const fields = new Fields(["grpc-status", "5", "grpc-message", "%zz%", "grpc-status-details-bin", "?"]);
  expect(decodeGrpcEnd(fields, Fields.empty)).toEqual({
    code: Code.NOT_FOUND,
    message: "%zz%",
    details: undefined,
    metadata: Fields.empty,
  });
});

test("-bin metadata must be base64, each of a list's values", () => {
  expect(isValidMetadata("a-bin", "AQI")).toBe(true);
  expect(isValidMetadata("a-bin", "AQI=, AQ==,")).toBe(true);
  expect(isValidMetadata("a-bin", "AQI, ?")).toBe(false);
  expect(isValidMetadata("a-bin", "A")).toBe(false);
  expect(isValidMetadata("a", "?")).toBe(true);
});

test("a message that was sent as it is, and not coded, is read as UTF-8", () => {
  const messageOf = (octets: string) =>
    decodeGrpcEnd(new Fields(["grpc-status", "5", "grpc-message", octets]), Fields.empty)?.message;
  expect(messageOf(Buffer.from("50% → %C3%A9").toString("latin1"))).toBe("50% → é");
  expect(messageOf("\u00ff")).toBe("\ufffd");
});
