import { describe, expect, test } from "vitest";
import { Fields } from "../call/fields.ts";
import { AnswerParser } from "./answer-parser.ts";
import { lengthOf } from "./head.ts";

const encode = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));

interface Read {
  status?: number;
  fields?: readonly string[];
  body: string;
  end?: { trailers: readonly string[]; reusable: boolean };
  error?: string;
}

/** What is read from `text`, which comes in pieces of `size` bytes; then the connection ends, if it does. */
function read(text: string, { method = "GET", size = text.length, close = false } = {}): Read {
  const seen: Read = { body: "" };
  const parser = new AnswerParser(method, {
    head({ status, fields }) {
      seen.status = status;
      seen.fields = fields.flat;
    },
    body: (bytes) => (seen.body += String.fromCharCode(...bytes)),
    end: (trailers, reusable) => (seen.end = { trailers: trailers.flat, reusable }),
  });
  const bytes = encode(text);
  try {
    for (let at = 0; at < bytes.length; at += size) parser.receive(bytes.subarray(at, at + size));
    if (close) parser.close();
  } catch (error) {
    seen.error = (error as Error).message;
  }
  return seen;
}

describe.each([1, 2, 3, 7, 1000])("in pieces of %i bytes", (size) => {
  test("a body of a known length", () => {
    const text = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A:  b c \r\n\r\nhello";
    expect(read(text, { size })).toEqual({
      status: 200,
      fields: ["content-length", "5", "x-a", "b c"],
      body: "hello",
      end: { trailers: [], reusable: true },
    });
  });

  test("a chunked body, extensions and trailers", () => {
    const text =
      "HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n5;a=b\r\nhello\r\nA\r\n, world!!!\r\n0\r\nx-t: 1\r\n\r\n";
    expect(read(text, { size })).toMatchObject({
      body: "hello, world!!!",
      end: { trailers: ["x-t", "1"], reusable: true },
    });
  });

  test("a body that ends with the connection", () => {
    expect(read("HTTP/1.0 200\r\n\r\nhello", { size, close: true })).toMatchObject({
      body: "hello",
      end: { trailers: [], reusable: false },
    });
  });

  test("interim answers are passed over, lines may end without a carriage return", () => {
    const text = "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 204 No Content\nx: y\n\n";
    expect(read(text, { size })).toMatchObject({ status: 204, fields: ["x", "y"], end: { reusable: true } });
  });
});

test("answers to HEAD have no body, whatever they say", () => {
  const text = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n";
  expect(read(text, { method: "HEAD" })).toMatchObject({ body: "", end: { reusable: true } });
});

test.each([
  [
    "none where the body is chunked",
    "Content-Length: 3\r\nTransfer-Encoding: chunked",
    "b\r\nhello world\r\n0\r\n\r\n",
    [],
  ],
  ["one where the same is listed twice", "content-length: 5, 5", "hello", ["content-length", "5"]],
  ["one where the same is given twice", "content-length: 5\r\nContent-Length: 5", "hello", ["content-length", "5"]],
])("of an answer's lengths, %s is passed on", (_, fields, body, kept) => {
  const seen = read(`HTTP/1.1 200 OK\r\nx-a: b\r\n${fields}\r\n\r\n${body}`);
  expect(seen.fields!.filter((field) => !/^(transfer-encoding|chunked)$/i.test(field))).toEqual(["x-a", "b", ...kept]);
  expect(seen.end).toBeDefined();
});

test("an answer to HEAD with two lengths is refused", () => {
  const text = "HTTP/1.1 200 OK\r\ncontent-length: 5, 6\r\n\r\n";
  expect(read(text, { method: "HEAD" }).error).toContain("content-length 5, 6");
});

test.each([
  ["the origin closes", "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"],
  ["it is HTTP/1.0", "HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n"],
  ["both framings are given", "HTTP/1.1 200 OK\r\ncontent-length: 0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"],
  ["bytes follow that nobody asked for", "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nxHTTP/1.1 200 OK\r\n\r\n"],
])("the connection is not used again if %s", (_, text) => {
  expect(read(text).end?.reusable).toBe(false);
});

test.each([
  ["no HTTP", "SSH-2.0-OpenSSH_9.6\r\n\r\n"],
  ["a status out of range", "HTTP/1.1 099 No\r\n\r\n"],
  ["a switch of protocols nobody asked for", "HTTP/1.1 101 Switching\r\n\r\n"],
  ["a field without a colon", "HTTP/1.1 200 OK\r\nnonsense\r\n\r\n"],
  ["white space before the colon", "HTTP/1.1 200 OK\r\na : b\r\n\r\n"],
  ["a folded line", "HTTP/1.1 200 OK\r\na: b\r\n c\r\n\r\n"],
  ["a control character", "HTTP/1.1 200 OK\r\na: b\0\r\n\r\n"],
  ["two lengths", "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n"],
  ["two lengths in a list", "HTTP/1.1 200 OK\r\ncontent-length: 1, 2\r\n\r\n"],
  ["two lengths beside chunks", "HTTP/1.1 200 OK\r\ncontent-length: 1, 2\r\ntransfer-encoding: chunked\r\n\r\n"],
  ["a negative length", "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n"],
  ["another transfer coding", "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n"],
  ["a chunk size that is none", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0x5\r\n"],
  ["a chunk longer than it said", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nab\r\n"],
  ["too many fields", `HTTP/1.1 200 OK\r\n${"a: b\r\n".repeat(257)}\r\n`],
  ["too large a head", `HTTP/1.1 200 OK\r\na: ${"b".repeat(65_536)}`],
  ["too long a chunk line", `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;${"x".repeat(300)}`],
  ["too many interim answers", "HTTP/1.1 100 Continue\r\n\r\n".repeat(33)],
])("%s is refused", (_, text) => {
  expect(read(text).error).toMatch(/^its answer cannot be read: /);
  expect(read(text, { size: 1 }).error).toMatch(/^its answer cannot be read: /);
});

test.each(["", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhell"])(
  "a connection that ends in the middle of an answer (%j) is an error",
  (text) => {
    expect(read(text, { close: true }).error).toContain("the connection ended before the answer did");
  },
);

// Quadratic in their number, they take seconds.
test("long runs of white space in an answer's fields are read in one go", { timeout: 1_000 }, () => {
  const inner = `a${" ".repeat(60_000)}b`;
  const lengths = `5${" ".repeat(60_000)},${" ".repeat(60_000)}5`;
  const { fields } = read(`HTTP/1.1 200 OK\r\nx-a: \t ${inner} \t\r\n\r\n`);
  expect(fields).toEqual(["x-a", inner]);
  expect(read(`HTTP/1.1 200 OK\r\ncontent-length: 5${" ".repeat(60_000)}\r\n\r\nhello`).body).toBe("hello");
  expect(lengthOf(new Fields(["content-length", lengths]))).toBe(5);
});
