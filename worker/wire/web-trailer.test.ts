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
