import { describe, expect, test } from "vitest";
import { ErrorCode } from "../error.ts";
import { BlockMemory, EncodingMemory } from "./memory.ts";
import { Decoder } from "./decoder.ts";
import { Encoder } from "./encoder.ts";
import { decodeHuffman, encodeHuffman, huffmanLength, maxDecodedBytes } from "./huffman.ts";
import { decodeInteger, encodeInteger } from "./integer.ts";

const limits = { maxHeaderListBytes: 100_000, maxHeaderFields: 1000 };
const hex = (text: string): Uint8Array =>
  Uint8Array.from(text.match(/[0-9a-f]{2}/g) ?? [], (byte) => Number.parseInt(byte, 16));

function decoded(decoder: Decoder, block: Uint8Array): string[] {
  const { flat } = decoder.decode(block, 0, block.length);
  return flat.flatMap((part, i) => (i % 2 === 0 ? [`${part}: ${flat[i + 1]!}`] : []));
}

function encoded(encoder: Encoder, fields: readonly (readonly [string, string])[], never = false): Uint8Array {
  encoder.begin();
  for (const [name, value] of fields) encoder.field(name, value, never);
  return encoder.block.slice(0, encoder.length);
}

describe("RFC 7541 appendix C", () => {
  test("C.1: integers", () => {
    const into = new Uint8Array(4);
    expect([...into.subarray(0, encodeInteger(into, 0, 0, 0x1f, 10))]).toEqual([10]);
    expect([...into.subarray(0, encodeInteger(into, 0, 0, 0x1f, 1337))]).toEqual([31, 154, 10]);
    expect(decodeInteger(into, { at: 0, end: 3 }, 0x1f)).toBe(1337);
    expect([...into.subarray(0, encodeInteger(into, 0, 0, 0xff, 42))]).toEqual([42]);
  });

  test("C.2: each kind of literal", () => {
    expect(decoded(new Decoder(limits, 4096), hex("400a637573746f6d2d6b65790d637573746f6d2d686561646572"))).toEqual([
      "custom-key: custom-header",
    ]);
    expect(decoded(new Decoder(limits, 4096), hex("040c2f73616d706c652f70617468"))).toEqual([":path: /sample/path"]);
    const never = hex("100870617373776f726406736563726574");
    expect(new Decoder(limits, 4096).decode(never, 0, never.length).neverIndexed).toEqual(new Set(["password"]));
  });

  test("C.4: requests in Huffman's code, with one table", () => {
    const decoder = new Decoder(limits, 4096);
    const first = [":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com"];
    expect(decoded(decoder, hex("828684418cf1e3c2e5f23a6ba0ab90f4ff"))).toEqual(first);
    expect(decoded(decoder, hex("828684be5886a8eb10649cbf"))).toEqual([...first, "cache-control: no-cache"]);
    expect(decoded(decoder, hex("828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf"))).toEqual([
      ":method: GET",
      ":scheme: https",
      ":path: /index.html",
      ":authority: www.example.com",
      "custom-key: custom-value",
    ]);
  });

  test("C.6: responses that evict from a table of 256 bytes", () => {
    const decoder = new Decoder(limits, 256);
    const responses = [
      "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3",
      "4883640effc1c0bf",
      "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
    ].map((block) => decoded(decoder, hex(block)));
    expect(responses[1]![0]).toBe(":status: 307");
    expect(responses[2]!.at(-1)).toBe("set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1");
  });
});

describe("Huffman's code", () => {
  test("of every octet, alone and in company, is read back", () => {
    const into = new Uint8Array(4096);
    const out = new Uint8Array(4096);
    for (let octet = 0; octet < 256; octet++) {
      for (const text of [String.fromCharCode(octet), `a${String.fromCharCode(octet, 255 - octet)}zz`]) {
        const end = encodeHuffman(text, into, 0);
        expect(end).toBe(huffmanLength(text));
        expect(maxDecodedBytes(end)).toBeGreaterThanOrEqual(text.length);
        expect(String.fromCharCode(...out.subarray(0, decodeHuffman(into, 0, end, out)))).toBe(text);
      }
    }
  });

  test.each([
    ["EOS", "ffffffff"],
    ["padding of a byte or more", "1fff"],
    ["padding other than ones", "18"],
    ["a code that breaks off", "ffffe0"],
  ])("refuses %s", (_what, bytes) => {
    expect(() => decodeHuffman(hex(bytes), 0, bytes.length / 2, new Uint8Array(16))).toThrow("Huffman");
  });
});

describe("a decoder", () => {
  test.each([
    ["index 0", "80"],
    ["an index beyond the tables", "be"],
    ["a string longer than its block", "4003ff"],
    ["a table size behind a field", "8220"],
    ["a table larger than allowed", "3fe21f"],
    ["an integer that breaks off", "ff80"],
  ])("refuses %s", (_what, bytes) => {
    expect(() => decoded(new Decoder(limits, 4096), hex(bytes))).toThrow();
  });

  test("takes whatever bytes come, or refuses them as a compression error", () => {
    let state = 1;
    const chance = (bound: number): number => ((state = Math.imul(state, 1103515245) + 12345) >>> 16) % bound;
    for (let i = 0; i < 20_000; i++) {
      const decoder = new Decoder(limits, 4096);
      const block = Uint8Array.from({ length: chance(40) }, () => chance(256));
      try {
        decoder.decode(block, 0, block.length);
      } catch (error) {
        expect(error).toMatchObject({ code: ErrorCode.COMPRESSION_ERROR });
      }
    }
  });

  test("says what is wrong with a name or value once, however often it is referred to", () => {
    const decoder = new Decoder(limits, 4096);
    decoder.decode(hex("4001580161"), 0, 5);
    expect(decoder.decode(hex("be"), 0, 1).flaw).toBe('the field name "X"');
  });
});

describe("an encoder", () => {
  test("gives a field an entry at second sight, and refers to it from the third", () => {
    const encoder = new Encoder();
    const sizes = [1, 2, 3, 4].map(() => encoded(encoder, [["content-type", "application/grpc"]]).length);
    expect(sizes).toEqual([19, 13, 1, 1]);
  });

  test("gives a name an entry, though its values never come again, and no other", () => {
    const encoder = new Encoder();
    const generations = Array.from({ length: 20 }, (_, i) => {
      encoded(encoder, [["x-request-id", `value ${i}`]]);
      return encoder.generation;
    });
    expect(new Set(generations)).toEqual(new Set([0, 1]));
    expect(encoded(encoder, [["x-request-id", "last"]]).length).toBe(7);
  });

  test("never lets a secret near a table", () => {
    const encoder = new Encoder();
    const decoder = new Decoder(limits, 4096);
    for (let i = 0; i < 3; i++) {
      const block = encoded(encoder, [["authorization", "secret"]]);
      expect(decoder.decode(block, 0, block.length).neverIndexed).toEqual(new Set(["authorization"]));
      const asked = encoded(encoder, [["x", "y"]], true);
      expect(decoder.decode(asked, 0, asked.length).neverIndexed).toEqual(new Set(["x"]));
    }
    expect(encoder.generation).toBe(0);
  });

  test("writes out a secret whose value another caller brought into the table", () => {
    const encoder = new Encoder();
    const decoder = new Decoder(limits, 4096);
    for (let i = 0; i < 3; i++) decoded(decoder, encoded(encoder, [["x", "y"]]));
    const secret = encoded(encoder, [["x", "y"]], true);
    expect(decoder.decode(secret, 0, secret.length).neverIndexed).toEqual(new Set(["x"]));
  });

  test("announces the smallest and the last of the sizes its peer asked for", () => {
    const encoder = new Encoder();
    const decoder = new Decoder(limits, 4096);
    const field: [string, string][] = [["x", "y"]];
    for (let i = 0; i < 3; i++) decoded(decoder, encoded(encoder, field));
    encoder.setMaxTableBytes(0);
    encoder.setMaxTableBytes(1000);
    const block = encoded(encoder, field);
    expect([...block.subarray(0, 4)]).toEqual([0x20, 0x3f, 0xc9, 0x07]);
    expect(decoded(decoder, block)).toEqual(["x: y"]);
    expect(decoded(decoder, encoded(encoder, field))).toEqual(["x: y"]);
  });

  test("does not use more than its own bound, whatever the peer allows", () => {
    const encoder = new Encoder();
    const decoder = new Decoder(limits, 4096);
    encoder.setMaxTableBytes(1 << 24);
    for (let i = 0; i < 500; i++) {
      const field: [string, string][] = [[`name-${i >> 1}`, "v".repeat(100)]];
      expect(decoded(decoder, encoded(encoder, field))).toEqual([`name-${i >> 1}: ${"v".repeat(100)}`]);
    }
  });

  test("is not worn out by names that never come again", () => {
    const encoder = new Encoder();
    const decoder = new Decoder(limits, 4096);
    for (let i = 0; i < 1000; i++) {
      expect(decoded(decoder, encoded(encoder, [[`once-${i}`, "x"]]))).toEqual([`once-${i}: x`]);
    }
    const sizes = [1, 2, 3].map(() => encoded(encoder, [["again", "y"]]).length);
    expect(sizes[2]).toBe(1);
  });

  test("sends octets as they are, and what is more than octets as UTF-8", () => {
    const decoder = new Decoder(limits, 4096);
    const encoder = new Encoder();
    expect(decoded(decoder, encoded(encoder, [["x", "caf\u00e9"]]))).toEqual(["x: caf\u00e9"]);
    const utf8 = String.fromCharCode(...new TextEncoder().encode("\u20ac"));
    for (let i = 0; i < 3; i++) expect(decoded(decoder, encoded(encoder, [["y", "\u20ac"]]))).toEqual([`y: ${utf8}`]);
  });
});

describe("memories", () => {
  test("a block is known from its third time on, at the same generation only", () => {
    const memory = new BlockMemory<string>((meaning) => meaning);
    const block = hex("828684");
    const look = (generation: number): string | undefined => {
      const known = memory.find(block, 0, 3, generation);
      if (known === undefined) memory.keep(block, 0, 3, generation, `meaning ${generation}`);
      return known;
    };
    expect([look(1), look(1), look(1), look(2), look(2), look(2)]).toEqual([
      undefined,
      undefined,
      "meaning 1",
      undefined,
      undefined,
      "meaning 2",
    ]);
    expect(memory.find(hex("828685"), 0, 3, 2)).toBeUndefined();
  });

  test("a list's encoding is known from its third time on, at the same generation only", () => {
    const memory = new EncodingMemory();
    const list = {};
    const look = (generation: number): boolean => {
      if (memory.find(list, generation) !== undefined) return true;
      memory.keep(list, generation, hex("8286"), 2);
      return false;
    };
    expect([look(1), look(1), look(1), look(2), look(2)]).toEqual([false, false, true, false, true]);
  });
});
