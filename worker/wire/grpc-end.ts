/** How a call ended, as the `grpc-*` trailer fields say it (grpc/doc/PROTOCOL-HTTP2.md, Trailers). */
import { Fields } from "../call/fields.ts";
import { octets, writeLatin1 } from "../call/octets.ts";
import type { RpcEnd } from "../call/rpc.ts";
import { Code } from "../call/status.ts";
import { decodeBase64, encodeBase64 } from "./base64.ts";
import { decodePercentText, encodeGrpcMessage } from "./percent.ts";

const codes: ReadonlyMap<string, Code> = new Map(Object.values(Code).map((code) => [String(code), code]));
const text = new TextDecoder();
const plainOk = new Fields(["grpc-status", "0"]);

/** The trailer fields for `end`, followed by `end.metadata`. */
export function encodeGrpcEnd(end: RpcEnd): Fields {
  const { code, message, details, metadata } = end;
  if (code === Code.OK && message === "" && details === undefined && metadata.size === 0) return plainOk;
  const flat = ["grpc-status", String(code)];
  if (message !== "") flat.push("grpc-message", encodeGrpcMessage(message));
  if (details !== undefined) flat.push("grpc-status-details-bin", encodeBase64(details));
  for (const item of metadata.flat) flat.push(item);
  return new Fields(flat, metadata.neverIndexed);
}

/** The end that `fields` tell of, with `metadata` for its metadata. Undefined if they have no `grpc-status`. */
export function decodeGrpcEnd(fields: Fields, metadata: Fields): RpcEnd | undefined {
  const status = fields.get("grpc-status");
  if (status === undefined) return undefined;
  const details = fields.get("grpc-status-details-bin");
  return {
    code: parseCode(status),
    message: decodeMessage(fields.get("grpc-message") ?? ""),
    details: details === undefined ? undefined : decodeBase64(details),
    metadata,
  };
}

/** A status that is no code of gRPC's counts as UNKNOWN (grpc/doc/statuscodes.md). */
function parseCode(status: string): Code {
  return codes.get(status) ?? Code.UNKNOWN;
}

/** Some servers send a message as it is, in UTF-8, where they ought to code it. */
function decodeMessage(value: string): string {
  if (!/[\x80-\uffff]/.test(value)) return decodePercentText(value);
  const raw = octets(value);
  const bytes = new Uint8Array(raw.length);
  writeLatin1(raw, bytes, 0);
  return decodePercentText(text.decode(bytes));
}
