import { expect, test } from "vitest";
import { Fields } from "../call/fields.ts";
import { Code } from "../call/status.ts";
import { connectCode, decodeEndStream, encodeConnectError, encodeEndStream } from "./connect-json.ts";
import { encodeStatus } from "./rpc-status.ts";

const text = new TextDecoder();
const end = { code: Code.NOT_FOUND, message: "gone", details: undefined, metadata: Fields.empty };

test("codes have Connect's names", () => {
  expect(connectCode(Code.CANCELLED)).toBe("canceled");
  expect(connectCode(Code.DEADLINE_EXCEEDED)).toBe("deadline_exceeded");
  expect(connectCode(Code.UNAUTHENTICATED)).toBe("unauthenticated");
});

test("an error has code, message and details with unpadded base64", () => {
  const details = encodeStatus({ code: 5, message: "gone", details: [{ type: "a.B", value: Uint8Array.of(255) }] });
  expect(text.decode(encodeConnectError({ ...end, details }))).toBe(
    '{"code":"not_found","message":"gone","details":[{"type":"a.B","value":"/w"}]}',
  );
  expect(text.decode(encodeConnectError({ ...end, message: "" }))).toBe('{"code":"not_found"}');
});

test("details that are no google.rpc.Status are left out, the error is not", () => {
  expect(text.decode(encodeConnectError({ ...end, details: Uint8Array.of(0xff) }))).toBe(
    '{"code":"not_found","message":"gone"}',
  );
});

test("a stream's end has its error and every value of its metadata, whatever the names", () => {
  const metadata = new Fields(["x-a", "1", "__proto__", "p", "x-a", "2"]);
  expect(text.decode(encodeEndStream({ ...end, metadata }))).toBe(
    '{"error":{"code":"not_found","message":"gone"},"metadata":{"x-a":["1","2"],"__proto__":["p"]}}',
  );
  expect(text.decode(encodeEndStream({ ...end, code: Code.OK, message: "" }))).toBe("{}");
});

test("metadata is octets, whatever JSON says: text beyond them is UTF-8", () => {
  const metadata = (value: string) =>
    decodeEndStream(new TextEncoder().encode(JSON.stringify({ metadata: { "x-a": [value] } })))?.metadata.get("x-a");
  expect(metadata("→")).toBe("\u00e2\u0086\u0092");
  expect(metadata("\u00e9")).toBe("\u00e9");
});
