import { expect, test } from "vitest";
import { parseProxyHeader } from "./node-proxy-protocol.ts";

const bytesOf = (text: string) => Buffer.from(text, "latin1");

/** Section 2.2, with the addresses' bytes and any TLVs after them. */
function version2(command: number, family: number, rest: readonly number[]): Buffer {
  const head = [...bytesOf("\r\n\r\n\0\r\nQUIT\n"), 0x20 | command, family, rest.length >> 8, rest.length & 0xff];
  return Buffer.from([...head, ...rest]);
}

const ipv4 = [192, 0, 2, 7, 198, 51, 100, 1, 0x1f, 0x90, 0x01, 0xbb];

test("version 1 tells an IPv4 or IPv6 caller, and where the connection itself begins", () => {
  const line = "PROXY TCP4 192.0.2.7 198.51.100.1 8080 443\r\n";
  expect(parseProxyHeader(bytesOf(`${line}GET / HTTP/1.1\r\n`))).toEqual({ source: "192.0.2.7", bytes: line.length });
  expect(parseProxyHeader(bytesOf("PROXY TCP6 2001:db8::7 2001:db8::1 8080 443\r\n"))?.source).toBe("2001:db8::7");
  expect(parseProxyHeader(bytesOf("PROXY UNKNOWN\r\n"))).toEqual({ source: undefined, bytes: 15 });
});

test("version 2 tells callers likewise, with TLVs passed over", () => {
  expect(parseProxyHeader(version2(1, 0x11, ipv4))).toEqual({ source: "192.0.2.7", bytes: 28 });
  expect(parseProxyHeader(version2(1, 0x11, [...ipv4, 0x04, 0, 1, 0]))).toEqual({ source: "192.0.2.7", bytes: 32 });
  const ipv6 = [0x20, 1, 0x0d, 0xb8, ...Array.from({ length: 11 }, () => 0), 7, ...Array.from({ length: 20 }, () => 0)];
  expect(parseProxyHeader(version2(1, 0x21, ipv6))?.source).toBe("2001:db8::7");
  expect(parseProxyHeader(version2(0, 0x00, []))).toEqual({ source: undefined, bytes: 16 });
});

test("a header may come byte by byte", () => {
  for (const header of [bytesOf("PROXY TCP4 192.0.2.7 198.51.100.1 8080 443\r\n"), version2(1, 0x11, ipv4)]) {
    for (let length = 0; length < header.length; length++)
      expect(parseProxyHeader(header.subarray(0, length))).toBeUndefined();
    expect(parseProxyHeader(header)?.source).toBe("192.0.2.7");
  }
});

test.each([
  ["HTTP without a header", bytesOf("GET / HTTP/1.1\r\nhost: a\r\n\r\n")],
  ["TLS without a header", Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3])],
  ["a line that is too long", bytesOf(`PROXY TCP4 ${"1".repeat(200)}`)],
  ["a line of another form", bytesOf("PROXY TCP4 192.0.2.7\r\n")],
  ["an address that is none", bytesOf("PROXY TCP4 192.0.2.7.7 198.51.100.1 8080 443\r\n")],
  ["an unknown version", Buffer.from([...bytesOf("\r\n\r\n\0\r\nQUIT\n"), 0x31, 0x11, 0, 0])],
  ["a header that is too long", Buffer.from([...bytesOf("\r\n\r\n\0\r\nQUIT\n"), 0x21, 0x11, 0xff, 0xff])],
])("%s is refused", (_, bytes) => {
  expect(() => parseProxyHeader(bytes)).toThrow("PROXY protocol header");
});
