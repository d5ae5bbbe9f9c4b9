import { expect, test } from "vitest";
import { Fields } from "../../call/fields.ts";
import type { RequestHead } from "../../call/http.ts";
import { MessageReader } from "./read.ts";
import { MessageWriter } from "./write.ts";

const limits = { maxHeaderListBytes: 10_000, maxHeaderFields: 100 };

function head(path: string, fields: readonly (readonly [string, string])[]): RequestHead {
  return { method: "POST", scheme: "http", authority: "test", path, fields: Fields.from(fields) };
}

test("lists that come again, among lists that do not, are read as they were written, however they were remembered", () => {
  const writer = new MessageWriter();
  const reader = new MessageReader(limits);
  const again = [
    head("/a", [["x", "1"]]),
    head("/b", [
      ["y", "2"],
      ["x", "1"],
    ]),
    head("/a", [["z", "3"]]),
  ];
  const trailers = [
    Fields.from([["grpc-status", "0"]]),
    Fields.from([
      ["grpc-status", "5"],
      ["x", "1"],
    ]),
  ];
  for (let i = 0; i < 200; i++) {
    if (i === 100) writer.setMaxTableBytes(200);
    const list = i % 5 === 4 ? head(`/${i}`, [["x", `${i}`]]) : again[i % 3]!;
    writer.request(list);
    const parsed = reader.request(writer.block, 0, writer.length, "http");
    expect(parsed).toMatchObject({ kind: "request", head: list });
    writer.trailers(trailers[i % 2]!);
    expect(reader.trailers(writer.block, 0, writer.length)).toMatchObject({ fields: { flat: trailers[i % 2]!.flat } });
  }
});

test("a list that comes again is one block of indexes, and the reader gives the same head for it", () => {
  const writer = new MessageWriter();
  const reader = new MessageReader(limits);
  const list = head("/a", [
    ["x", "1"],
    ["te", "trailers"],
  ]);
  const heads = [1, 2, 3, 4, 5, 6].map(() => {
    writer.request(list);
    return reader.request(writer.block, 0, writer.length, "http");
  });
  expect(writer.length).toBe(6);
  expect(heads[5]).toBe(heads[4]);
});

test("a block that empties the table does so every time it comes", () => {
  const reader = new MessageReader(limits);
  const read = (...block: number[]): unknown => reader.trailers(Uint8Array.from(block), 0, block.length);
  const insert = [0x40, 1, 0x78, 1, 0x79];
  // The table is given 64 bytes; z with a value of 40 octets does not fit (RFC 7541 section 4.4).
  read(0x3f, 33);
  const clear = [0x40, 1, 0x7a, 40, ...Array.from({ length: 40 }, () => 0x61)];
  for (let i = 0; i < 4; i++) {
    read(...insert);
    expect(read(0xbe)).toMatchObject({ fields: { flat: ["x", "y"] } });
    read(...clear);
    expect(() => read(0xbe)).toThrow("no table entry 62");
  }
});

test("a value with a line break or NUL is refused whenever it comes, and leaves both sides in step", () => {
  const writer = new MessageWriter();
  const reader = new MessageReader(limits);
  const good = head("/a", [["x", "1"]]);
  for (const value of ["a\nb", "a\rb", "a\0b", "\u4e16\n"]) {
    for (let i = 0; i < 4; i++) {
      expect(() => writer.request(head("/a", [["x", value]]))).toThrow("the value of x holds a line break or NUL");
      writer.request(good);
      expect(reader.request(writer.block, 0, writer.length, "http")).toMatchObject({ kind: "request", head: good });
    }
  }
});

test("a value of more than octets goes out as UTF-8", () => {
  const writer = new MessageWriter();
  const reader = new MessageReader(limits);
  writer.request(head("/a", [["x", "h\u00e9 \u4e16"]]));
  const sent = head("/a", [["x", "h\u00c3\u00a9 \u00e4\u00b8\u0096"]]);
  expect(reader.request(writer.block, 0, writer.length, "http")).toMatchObject({ kind: "request", head: sent });
});

test("requests of one path are told apart by host, method and scheme", () => {
  const writer = new MessageWriter();
  const reader = new MessageReader(limits);
  for (let i = 0; i < 60; i++) {
    const method = i % 2 === 0 ? "POST" : "GET";
    const sent = { ...head("/a", [["x", `${i}`]]), method, authority: `host${i % 3}` };
    writer.request(sent);
    expect(reader.request(writer.block, 0, writer.length, "http")).toMatchObject({ head: sent });
  }
});
