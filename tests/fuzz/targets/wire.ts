/** The small codecs of worker/wire. */
import { Fields } from "../../../worker/call/fields.ts";
import type { RpcEnd } from "../../../worker/call/rpc.ts";
import { Code } from "../../../worker/call/status.ts";
import { Base64Decoder, decodeBase64, encodeBase64, encodeBase64Bytes, isBase64 } from "../../../worker/wire/base64.ts";
import { encodeConnectError, encodeEndStream } from "../../../worker/wire/connect-json.ts";
import { envelope, EnvelopeSplitter, prefixLength } from "../../../worker/wire/envelope.ts";
import { decodeGrpcEnd, encodeGrpcEnd } from "../../../worker/wire/grpc-end.ts";
import { decodePercent, decodePercentText, encodeGrpcMessage } from "../../../worker/wire/percent.ts";
import { decodeStatus, encodeStatus } from "../../../worker/wire/rpc-status.ts";
import { formatGrpcTimeout, parseConnectTimeout, parseGrpcTimeout } from "../../../worker/wire/timeout.ts";
import { encodeTrailerFrame, parseTrailerBlock } from "../../../worker/wire/web-trailer.ts";
import { bytesOf, check, join, octetsOf, pieces, randomOf, same, type Target, textOf } from "../target.ts";

const ascii = (bytes: Uint8Array): string => octetsOf(bytes);

/** What a decoder makes of `chunks`; undefined if they are no base64. */
function streamed(chunks: readonly Uint8Array[]): Uint8Array | undefined {
  const decoder = new Base64Decoder();
  const parts = chunks.map((chunk) => decoder.push(chunk));
  if (parts.includes(undefined)) return undefined;
  const last = decoder.finish();
  return last && join([...(parts as Uint8Array[]), last]);
}

export const base64: Target = {
  seeds: ["", "AA==", "AAA=", "AAAA", "AA", "-_+/", "AAAABBBB==", "QQ==Qg==Qw=="].map(bytesOf),
  tokens: ["=", "==", "A", "AAAA", "-", "_", "+", "/", " ", "\n", "é"],
  run(input) {
    const encoded = encodeBase64Bytes(input);
    same(ascii(encoded), Buffer.from(input).toString("base64"), "encoded");
    same(decodeBase64(ascii(encoded)), input, "decoded from the padded form");
    same(decodeBase64(encodeBase64(input)), input, "decoded from the bare form");
    same(streamed(pieces(encoded, randomOf(input))), input, "decoded from a stream");
    const text = ascii(input);
    const decoded = decodeBase64(text);
    check(isBase64(text) === (decoded !== undefined), "the two readings disagree");
    if (decoded !== undefined) same(decoded, new Uint8Array(Buffer.from(text, "base64")), "against the runtime's own");
    const stream = streamed([input]);
    same(streamed(pieces(input, randomOf(input))), stream, "cut another way");
    if (decoded !== undefined) same(stream, decoded, "a stream of one text");
    return `${decoded === undefined} ${stream === undefined} ${input.length % 4}`;
  },
};

export const percent: Target = {
  seeds: ["", "%", "%4", "%41", "%zz", "100%25", "Grüezi 🏔", "%F0%9F%8F%94", "%ff%fe", "\u0000\u007f"].map(bytesOf),
  tokens: ["%", "%25", "%00", "%e2%82", "%EF%BB%BF", "%ff", "🏔", "\u007f", "~"],
  run(input) {
    const text = textOf(input);
    const encoded = encodeGrpcMessage(text);
    check(/^[ -~]*$/.test(encoded), "not printable ASCII");
    // A decoder of UTF-8 takes a byte order mark off, wherever it came from.
    if (!text.startsWith("\ufeff")) same(decodePercentText(encoded), text, "there and back");
    for (const value of [text, octetsOf(input)]) {
      check(decodePercentText(value).length <= value.length * 2, "longer than what was coded");
      check(decodePercent(value).length <= 4 * value.length, "longer than what was coded");
    }
    return `${encoded === text} ${decodePercentText(text) === text}`;
  },
};

export const timeout: Target = {
  seeds: ["1S", "99999999H", "0n", "100000000m", "1", "S", "-1S", "1.5S", "1e3S", " 1S", "00000001u"].map(bytesOf),
  tokens: ["n", "u", "m", "S", "M", "H", "0", "99999999", "-", "+", ".", "e", "constructor", "__proto__"],
  run(input) {
    const value = octetsOf(input);
    const ms = parseGrpcTimeout(value);
    check((ms !== undefined) === /^[0-9]{1,8}[HMSmun]$/.test(value), "what is a timeout");
    if (ms !== undefined) {
      check(ms >= 0 && ms <= 99_999_999 * 3_600_000, "out of range");
      const again = parseGrpcTimeout(formatGrpcTimeout(ms));
      check(again !== undefined && (again <= ms || ms < 1e-6), "more than was left");
      check(again >= ms / 2 || ms < 1e-5 || ms - again <= 3_600_000, "much less than was left");
    }
    const connect = parseConnectTimeout(value);
    check((connect !== undefined) === /^[0-9]{1,10}$/.test(value), "what is a timeout of Connect's");
    return `${ms === undefined} ${connect === undefined} ${value.slice(-1)}`;
  },
};

/** What a splitter says of `chunks`: messages as far as they came. */
function split(chunks: readonly Uint8Array[]): { messages: (number | Uint8Array | string)[]; atBoundary: boolean } {
  const messages: (number | Uint8Array | string)[] = [];
  let parts: Uint8Array[] = [];
  const splitter = new EnvelopeSplitter({
    begin: (flags, length) => messages.push(flags, length),
    piece: (bytes) => parts.push(bytes.slice()),
    complete() {
      messages.push(join(parts), "complete");
      parts = [];
    },
  });
  for (const chunk of chunks) {
    splitter.push(chunk);
    chunk.fill(0xee);
  }
  if (parts.length > 0) messages.push(join(parts));
  return { messages, atBoundary: splitter.atBoundary };
}

export const envelopes: Target = {
  seeds: [
    [],
    [0, 0, 0, 0, 0],
    [1, 0, 0, 0, 2, 7, 8],
    [0, 255, 255, 255, 255, 1],
    [128, 0, 0, 0, 1, 9, 2, 0, 0, 0, 0],
  ].map((bytes) => Uint8Array.from(bytes)),
  tokens: ["\u0000\u0000\u0000\u0000\u0000", "\u0000\u0000\u0000\u0000\u0005hello", "\u0002\u0000\u0000\u0000\u0002{}"],
  generate: ({ below }) =>
    join(Array.from({ length: below(5) }, () => envelope([0, 1, 2, 128, 255][below(5)]!, new Uint8Array(below(40))))),
  run(input) {
    const whole = split([input.slice()]);
    same(split(pieces(input, randomOf(input))), whole, "cut another way");
    const { messages, atBoundary } = whole;
    let at = 0;
    let count = 0;
    for (; messages[4 * count + 3] === "complete"; count++) {
      const framed = envelope(messages[4 * count] as number, messages[4 * count + 2] as Uint8Array);
      same(framed, input.subarray(at, at + framed.length), "put together again");
      at += framed.length;
    }
    check(atBoundary === (at === input.length), "the end of a message");
    return `${Math.min(count, 9)} ${atBoundary} ${Math.min(input.length - at, prefixLength)}`;
  },
};

const trimmed = (octets: string): boolean => !/^[\t-\r ]|[\t-\r ]$/.test(octets);

export const webTrailers: Target = {
  seeds: [
    "grpc-status:0\r\n",
    "grpc-status: 5\ngrpc-message:  not%20found \r\n\r\n",
    "Grpc-Status:0\r\nX-a-bin:AAA=\r\nx-a-bin: BBBB",
    ":\r\n: \r\nx",
  ].map(bytesOf),
  tokens: ["grpc-status", "grpc-message", ":", "\r\n", "\n", " ", "-bin", "%41", "16", "\u0000"],
  run(input) {
    const fields = parseTrailerBlock(input);
    for (const [name, value] of fields) {
      check(name === name.toLowerCase() && trimmed(name) && trimmed(value), "not in the one form");
    }
    const block = encodeTrailerFrame(fields).subarray(prefixLength);
    const again = parseTrailerBlock(block);
    // Names with white space inside lose none of it, as no name here has any at its ends.
    if (!/[\r\ufeff]/.test(textOf(input)) && !fields.flat.some((text) => text === "")) {
      same(again.flat, fields.flat, "there and back");
    }
    return `${Math.min(fields.size, 9)} ${checkEnd(fields)}`;
  },
};

/** The status in `fields`, written and read again. */
function checkEnd(fields: Fields): string {
  const end = decodeGrpcEnd(fields, Fields.empty);
  if (end === undefined) return "none";
  check(end.code >= Code.OK && end.code <= Code.UNAUTHENTICATED, "no code of gRPC's");
  const again = decodeGrpcEnd(encodeGrpcEnd(end), Fields.empty);
  if (!end.message.startsWith("\ufeff")) same(again, end, "a status there and back");
  return `${end.code} ${end.details === undefined}`;
}

/** An end whose texts are the input's lines: code, message, details, then metadata. */
function endFrom(input: Uint8Array): RpcEnd {
  const lines = textOf(input).split("\n");
  const [code = "", message = "", details = "", ...metadata] = lines;
  const flat = metadata.flatMap((line) => [line.slice(0, line.indexOf(":") + 1), line.slice(line.indexOf(":") + 1)]);
  return {
    code: (/^\d{1,9}$/.test(code) ? Number(code) % 17 : Code.OK) as Code,
    message,
    details: details === "" ? undefined : Uint8Array.from(details, (char) => char.charCodeAt(0)),
    metadata: new Fields(flat),
  };
}

export const connectJson: Target = {
  seeds: [
    "",
    "5\nnot found",
    '13\nü"\\\n\u0008\u0005\u0012\u0001x\u001a\u0003\u0012\u0001a\nx:1\n__proto__:2\nx:3',
  ].map(bytesOf),
  tokens: [
    "\n",
    "__proto__:",
    "\u0008\u0005",
    "\u0012\u0004text",
    "\u001a\u0007\n\u0001a\u0012\u0002hi",
    '"',
    "\\",
    "\u2028",
  ],
  run(input) {
    const end = endFrom(input);
    const error = JSON.parse(textOf(encodeConnectError(end))) as { message?: string; details?: { value: string }[] };
    same(error.message ?? "", end.message, "the message");
    const { metadata = {} } = JSON.parse(textOf(encodeEndStream(end))) as { metadata?: Record<string, string[]> };
    const values = Object.values(metadata).flat();
    check(values.length === end.metadata.size, "a value of metadata is lost");
    const raw = end.details === undefined ? undefined : decodeStatus(end.details);
    const status = decodeStatus(input);
    if (status !== undefined) {
      const again = decodeStatus(encodeStatus({ ...status, code: status.code & 127 }));
      same(again, { ...status, code: status.code & 127 }, "a status there and back");
    }
    for (const [i, { value }] of (error.details ?? []).entries()) {
      same(decodeBase64(value), raw?.details[i]?.value, "the value of a detail");
    }
    return `${raw?.details.length} ${status?.details.length} ${end.code === Code.OK} ${Math.min(values.length, 9)}`;
  },
};
