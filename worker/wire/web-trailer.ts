/** Trailers as gRPC-Web puts them in the body: a frame flagged 0x80 (grpc/doc/PROTOCOL-WEB.md). */
import { Fields } from "../call/fields.ts";
import { latin1, octets, writeLatin1 } from "../call/octets.ts";
import { envelope, Flag } from "./envelope.ts";

/** Lines of lower-case `name:value` and CRLF, without space after the colon: the form that every client takes. */
export function encodeTrailerFrame(trailers: Fields): Uint8Array {
  const { flat } = trailers;
  let block = "";
  for (let i = 0; i < flat.length; i += 2) block += `${flat[i]}:${octets(flat[i + 1]!)}\r\n`;
  const bytes = new Uint8Array(block.length);
  writeLatin1(block, bytes, 0);
  return envelope(Flag.TRAILERS, bytes);
}

/** Takes what servers send in practice: either case, bare LF, spaces around the value, blank lines, no last line end. */
export function parseTrailerBlock(block: Uint8Array): Fields {
  const flat: string[] = [];
  for (const line of latin1(block, 0, block.length).split("\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) flat.push(trim(line, 0, colon).toLowerCase(), trim(line, colon + 1, line.length));
  }
  return new Fields(flat);
}

/** `text[start, end)` without ASCII's white space at its ends: String's own trim takes octets of UTF-8 for more of it. */
function trim(text: string, start: number, end: number): string {
  while (start < end && isSpace(text.charCodeAt(start))) start++;
  while (start < end && isSpace(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

/** The space, and HTAB to CR. */
function isSpace(octet: number): boolean {
  return octet === 0x20 || (octet >= 0x09 && octet <= 0x0d);
}
