/** The PROXY protocol's header, before which nothing of a connection is known. */
import { isIP } from "node:net";
import { parseProxyHeader } from "../../../worker/host/node-proxy-protocol.ts";
import { check, join, one, octetsOf, Refusal, same, some, type Target, unless } from "../target.ts";

const octets = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "latin1"));
const signature = octets("\r\n\r\n\0\r\nQUIT\n");
const words = [
  "PROXY ",
  "TCP4 ",
  "TCP6 ",
  "UNKNOWN ",
  "192.0.2.7 ",
  "2001:db8::7 ",
  "::ffff:1.2.3.4 ",
  "80 ",
  "443",
  "\r\n",
];

const version2 = (...rest: number[]): Uint8Array => join([signature, Uint8Array.from(rest)]);

export const proxy: Target = {
  seeds: [
    octets("PROXY TCP4 192.0.2.7 198.51.100.1 8080 443\r\nGET /"),
    octets("PROXY TCP6 2001:db8::7 2001:db8::1 8080 443\r\n"),
    octets("PROXY UNKNOWN\r\n"),
    version2(0x21, 0x11, 0, 12, 192, 0, 2, 7, 198, 51, 100, 1, 31, 144, 1, 187),
    version2(0x21, 0x21, 0, 36, ...Array.from({ length: 36 }, (_, i) => i)),
    version2(0x20, 0, 0, 0),
  ],
  tokens: [...words, " ", "\r", "\n", "0", ":", "."],
  generate(random) {
    if (random.below(2) === 0) return octets(`PROXY ${some(random, 7, () => one(random, words)).join("")}\r\n`);
    const length = random.below(50);
    const rest = Array.from({ length: random.below(60) }, () => random.below(256));
    return version2(0x20 | random.below(3), one(random, [0, 0x11, 0x12, 0x21, 0x22, 0x31]), 0, length, ...rest);
  },
  run(input) {
    const bytes = Buffer.from(input);
    const header = unless(Error, () => parseProxyHeader(bytes));
    if (header instanceof Refusal) return header.kind;
    if (header === undefined) return "more";
    check(header.bytes > 0 && header.bytes <= bytes.length, "more bytes than there are");
    check(header.source === undefined || isIP(header.source) > 0, `${header.source} is no address`);
    for (let length = 0; length < header.bytes; length++) {
      check(parseProxyHeader(bytes.subarray(0, length)) === undefined, `a header of ${length} bytes`);
    }
    same(parseProxyHeader(bytes.subarray(0, header.bytes)), header, "without what follows");
    return `${octetsOf(input.subarray(0, 2))} ${header.source === undefined} ${header.bytes}`;
  },
};
