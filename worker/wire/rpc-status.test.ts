import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import { expect, test } from "vitest";
import { decodeStatus, encodeStatus } from "./rpc-status.ts";

const status = {
  code: 9,
  message: "sûr",
  details: [
    { type: "google.rpc.RetryInfo", value: Uint8Array.of(1, 2, 3) },
    { type: "a.B", value: new Uint8Array(300).fill(7) },
    { type: "a.Empty", value: new Uint8Array(0) },
  ],
};

test("a status comes back as it was", () => {
  expect(decodeStatus(encodeStatus(status))).toEqual(status);
  expect(decodeStatus(encodeStatus({ code: 0, message: "", details: [] }))).toEqual({
    code: 0,
    message: "",
    details: [],
  });
});

test("a detail is the Any that protobuf's own library writes", () => {
  const any = create(AnySchema, { typeUrl: "type.googleapis.com/a.B", value: Uint8Array.of(5) });
  const encoded = encodeStatus({ code: 0, message: "", details: [{ type: "a.B", value: Uint8Array.of(5) }] });
  const [tag, length, ...rest] = encoded;
  expect([tag, length]).toEqual([0x1a, rest.length]);
  expect(rest).toEqual([...toBinary(AnySchema, any)]);
  expect(fromBinary(AnySchema, Uint8Array.from(rest))).toEqual(any);
});

test("unknown fields are skipped, and a type may have another prefix or none", () => {
  const any = [0x0a, 3, ...new TextEncoder().encode("x/T"), 0x12, 1, 9];
  const bytes = Uint8Array.of(
    0x08,
    5,
    0x20,
    1,
    0x29,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0x35,
    0,
    0,
    0,
    0,
    0x1a,
    any.length,
    ...any,
  );
  expect(decodeStatus(bytes)).toEqual({ code: 5, message: "", details: [{ type: "T", value: Uint8Array.of(9) }] });
});

test("what is cut off or no protobuf is no status", () => {
  const whole = encodeStatus({ code: 300, message: "m", details: [] });
  expect(decodeStatus(whole.subarray(0, whole.length - 1))).toBeUndefined();
  expect(decodeStatus(Uint8Array.of(0x08, 0x80))).toBeUndefined();
  expect(decodeStatus(Uint8Array.of(0x0b))).toBeUndefined();
  expect(decodeStatus(Uint8Array.of(0x1a, 0xff, 0xff, 0xff, 0xff, 0x0f))).toBeUndefined();
});
