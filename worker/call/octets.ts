/**
 * Header text and bytes. A field's value is a sequence of octets (RFC 9110 section 5.5); one octet is one UTF-16 unit, so
 * that what came in goes out unchanged. A string that holds more than octets goes out as UTF-8.
 */
const fromCodes = String.fromCharCode;
const utf8 = new TextEncoder();

/** `bytes[at, end)` as a string. */
export function latin1(bytes: Uint8Array, at: number, end: number): string {
  let text = "";
  for (; end - at >= 16; at += 16) {
    text += fromCodes(
      bytes[at]!,
      bytes[at + 1]!,
      bytes[at + 2]!,
      bytes[at + 3]!,
      bytes[at + 4]!,
      bytes[at + 5]!,
      bytes[at + 6]!,
      bytes[at + 7]!,
      bytes[at + 8]!,
      bytes[at + 9]!,
      bytes[at + 10]!,
      bytes[at + 11]!,
      bytes[at + 12]!,
      bytes[at + 13]!,
      bytes[at + 14]!,
      bytes[at + 15]!,
    );
  }
  if (end - at >= 8) {
    text += fromCodes(
      bytes[at]!,
      bytes[at + 1]!,
      bytes[at + 2]!,
      bytes[at + 3]!,
      bytes[at + 4]!,
      bytes[at + 5]!,
      bytes[at + 6]!,
      bytes[at + 7]!,
    );
    at += 8;
  }
  if (end - at >= 4) {
    text += fromCodes(bytes[at]!, bytes[at + 1]!, bytes[at + 2]!, bytes[at + 3]!);
    at += 4;
  }
  for (; at < end; at++) text += fromCodes(bytes[at]!);
  return text;
}

/** The octets of `text`: itself, unless it holds more than octets. */
export function octets(text: string): string {
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) > 0xff) {
      const bytes = utf8.encode(text);
      return latin1(bytes, 0, bytes.length);
    }
  }
  return text;
}

/** Writes octets at `at`, in room that is there. Returns where they end. */
export function writeLatin1(text: string, into: Uint8Array, at: number): number {
  for (let i = 0; i < text.length; i++) into[at++] = text.charCodeAt(i);
  return at;
}
