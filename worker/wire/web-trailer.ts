/** Trailers as gRPC-Web puts them in the body: a frame flagged 0x80 (grpc/doc/PROTOCOL-WEB.md). */
import { Fields } from "../call/fields.ts";
import { envelope, Flag } from "./envelope.ts";

const utf8 = new TextEncoder();
const text = new TextDecoder();

/** Lines of lower-case `name:value` and CRLF, without space after the colon: the form that every client takes. */
export function encodeTrailerFrame(trailers: Fields): Uint8Array {
  const { flat } = trailers;
  let block = "";
  for (let i = 0; i < flat.length; i += 2) block += `${flat[i]}:${flat[i + 1]}\r\n`;
  return envelope(Flag.TRAILERS, utf8.encode(block));
}

/** Takes what servers send in practice: either case, bare LF, spaces around the value, blank lines, no last line end. */
export function parseTrailerBlock(block: Uint8Array): Fields {
  const flat: string[] = [];
  for (const line of text.decode(block).split("\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) flat.push(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim());
  }
  return new Fields(flat);
}
