import { expect, test } from "vitest";
import { Base64Decoder, decodeBase64, encodeBase64, encodeBase64Bytes, isBase64 } from "./base64.ts";

const samples = Array.from({ length: 70 }, (_, length) =>
  Uint8Array.from({ length }, (_none, i) => (i * 89 + length) & 255),
);
const ascii = (text: string) => new TextEncoder().encode(text);

test("any bytes are encoded as Node encodes them, without padding in metadata", () => {
  for (const bytes of samples) {
    const expected = Buffer.from(bytes).toString("base64");
    expect(encodeBase64(bytes)).toBe(expected.replaceAll("=", ""));
    expect(Buffer.from(encodeBase64Bytes(bytes)).toString()).toBe(expected);
  }
});

test("both alphabets are decoded, padded or not", () => {
  for (const bytes of samples) {
    const padded = Buffer.from(bytes).toString("base64");
    const url = Buffer.from(bytes).toString("base64url");
    for (const text of [padded, padded.replaceAll("=", ""), url, url.padEnd(padded.length, "=")]) {
      expect(decodeBase64(text)).toEqual(bytes);
    }
  }
});

test.each(["A", "AAAAA", "A=", "AA=", "AAA==", "AA===", "====", "=", "A=AA", "A A=", "AAé=", "AA\u0141A", "AA,A"])(
  "%j is no base64",
  (text) => {
    expect(isBase64(text)).toBe(false);
    expect(decodeBase64(text)).toBeUndefined();
  },
);

test("a stream of base64 is decoded wherever it is cut, padded in its middle or not padded at all", () => {
  const text = ascii("SGVsbG8=IA==d29ybGQhQQ");
  for (let size = 1; size <= text.length; size++) {
    const decoder = new Base64Decoder();
    let decoded = "";
    for (let at = 0; at < text.length; at += size) {
      decoded += Buffer.from(decoder.push(text.subarray(at, at + size))!).toString();
    }
    decoded += Buffer.from(decoder.finish()!).toString();
    expect(decoded).toBe("Hello world!A");
  }
});

test.each(["AA=A", "A===", "AA!A", "====", "AA\n="])("a stream that holds %j is refused", (text) => {
  const decoder = new Base64Decoder();
  expect(decoder.push(ascii(text))).toBeUndefined();
});

test.each(["A", "AAAAA", "AA="])("a stream that stops after %j is refused", (text) => {
  const decoder = new Base64Decoder();
  expect(decoder.push(ascii(text))).toBeDefined();
  expect(decoder.finish()).toBeUndefined();
});
