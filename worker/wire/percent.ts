/** Percent coding of `grpc-message` (grpc/doc/PROTOCOL-HTTP2.md, Percent-Encoded) and of a URL's query. */
const utf8 = new TextEncoder();
const text = new TextDecoder();

/**
 * Printable ASCII but for the percent sign: what `grpc-message` carries as it is, unless a space is first or last, where
 * no field's value may have one (RFC 9110 section 5.5).
 */
const plain = /^(?:[!-$&-~](?:[ -$&-~]*[!-$&-~])?)?$/;

export function encodeGrpcMessage(message: string): string {
  if (plain.test(message)) return message;
  const bytes = utf8.encode(message);
  let encoded = "";
  for (const [i, byte] of bytes.entries()) {
    const inside = i > 0 && i < bytes.length - 1;
    const asIs = byte <= 0x7e && byte !== 0x25 && (inside ? byte >= 0x20 : byte > 0x20);
    encoded += asIs ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return encoded;
}

/** The text that `value` codes. Never fails: what is no percent coding stays as it is, what is no UTF-8 becomes U+FFFD. */
export function decodePercentText(value: string): string {
  return value.includes("%") ? text.decode(decodePercent(value)) : value;
}

/** The bytes that `value` codes. A percent sign without two hexadecimal digits after it stands for itself. */
export function decodePercent(value: string): Uint8Array<ArrayBuffer> {
  const source = utf8.encode(value);
  let to = 0;
  for (let from = 0; from < source.length; from++, to++) {
    const high = source[from] === 0x25 ? hexDigit(source[from + 1]) : -1;
    const low = high < 0 ? -1 : hexDigit(source[from + 2]);
    if (low < 0) source[to] = source[from]!;
    else {
      source[to] = (high << 4) | low;
      from += 2;
    }
  }
  return source.subarray(0, to);
}

function hexDigit(code: number | undefined): number {
  if (code === undefined) return -1;
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}
