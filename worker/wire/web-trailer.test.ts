import { expect, test } from "vitest";
import { Fields } from "../call/fields.ts";
import { encodeTrailerFrame, parseTrailerBlock } from "./web-trailer.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

test("a trailer frame is flagged 0x80 and has lines without space after the colon and no blank line", () => {
  const frame = encodeTrailerFrame(new Fields(["grpc-status", "0", "x-a", "1", "x-a", "2"]));
  const block = "grpc-status:0\r\nx-a:1\r\nx-a:2\r\n";
  expect([...frame]).toEqual([0x80, 0, 0, 0, block.length, ...bytes(block)]);
});

test.each([
  ["grpc-status:0\r\nx-a: b \r\n"],
  ["Grpc-Status: 0\r\nX-A:b\r\n\r\n"],
  ["grpc-status:0\nx-a:b"],
  ["grpc-status : 0\r\nno field here\r\n: nameless\r\nx-a:b\r\n"],
])("%j is read", (block) => {
  expect([...parseTrailerBlock(bytes(block))]).toEqual([
    ["grpc-status", "0"],
    ["x-a", "b"],
  ]);
});

test("a value may hold colons", () => {
  expect(parseTrailerBlock(bytes("grpc-message:a:b\r\n")).get("grpc-message")).toBe("a:b");
});

test("a value's octets come and go as they are, UTF-8 or not", () => {
  for (const octets of [bytes("→ à"), Uint8Array.of(0xff, 0xe9), bytes("\u00a0")]) {
    const block = Uint8Array.of(...bytes("x-a:"), ...octets, ...bytes("\r\n"));
    const fields = parseTrailerBlock(block);
    expect(fields.get("x-a")).toBe(String.fromCharCode(...octets));
    expect([...encodeTrailerFrame(fields).subarray(5)]).toEqual([...block]);
  }
});

test("a value of more than octets goes out as UTF-8", () => {
  const frame = encodeTrailerFrame(new Fields(["x-a", "→", "x-b", "\u00e9"]));
  expect([...frame.subarray(5)]).toEqual([...bytes("x-a:→\r\nx-b:"), 0xe9, ...bytes("\r\n")]);
});
