/**
 * How the suite's programs talk to each other: messages of connectrpc.conformance.v1 on standard input and output, each
 * behind its length in four bytes. Field numbers are those of the suite's server_compat.proto and client_compat.proto; what
 * is of no use here is left out.
 */
import type { Readable } from "node:stream";
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { OriginProtocol } from "../../proto/gen/edgeway/v1/table_pb.js";
import type { Credentials } from "../edges/edges.ts";
import type { OriginSpeaks } from "../edges/table.ts";

/** What all cases call. */
export const service = "connectrpc.conformance.v1.ConformanceService";

export const Protocol = { CONNECT: 1, GRPC: 2, GRPC_WEB: 3 } as const;
export type ProtocolName = keyof typeof Protocol;
export const HttpVersion = { HTTP_1: 1, HTTP_2: 2 } as const;

/** A server's protocol and HTTP version, by their numbers here, as the route table has them. */
export function originSpeaks(protocol: number, httpVersion: number): OriginSpeaks {
  const { CONNECT, GRPC, GRPC_WEB } = OriginProtocol;
  const named = protocol === Protocol.CONNECT ? CONNECT : protocol === Protocol.GRPC_WEB ? GRPC_WEB : GRPC;
  return { protocol: named, http2: httpVersion === HttpVersion.HTTP_2 };
}

/** What kind of server the runner wants. */
export interface ServerRequest {
  readonly protocol: number;
  readonly httpVersion: number;
  /** Bytes a request message may have. */
  readonly messageReceiveLimit: number;
  /** Undefined: in the clear. */
  readonly tls: Credentials | undefined;
}

/** Where the server listens. */
export interface ServerResponse {
  readonly host: string;
  readonly port: number;
  /** The certificate clients shall trust. */
  readonly cert: string | undefined;
}

const text = new TextDecoder();
const utf8 = new TextEncoder();

export function decodeServerRequest(bytes: Uint8Array): ServerRequest {
  let [protocol, httpVersion, messageReceiveLimit, useTls] = [0, 0, 0, false];
  let credentials: Credentials = { cert: "", key: "" };
  eachField(bytes, (field, reader) => {
    if (field === 1) protocol = reader.uint32();
    else if (field === 2) httpVersion = reader.uint32();
    else if (field === 4) useTls = reader.bool();
    else if (field === 6) messageReceiveLimit = reader.uint32();
    else if (field === 7) credentials = decodeCredentials(reader.bytes());
    else return false;
    return true;
  });
  return { protocol, httpVersion, messageReceiveLimit, tls: useTls ? credentials : undefined };
}

function decodeCredentials(bytes: Uint8Array): Credentials {
  let [cert, key] = ["", ""];
  eachField(bytes, (field, reader) => {
    if (field === 1) cert = text.decode(reader.bytes());
    else if (field === 2) key = text.decode(reader.bytes());
    else return false;
    return true;
  });
  return { cert, key };
}

/** Only requests in the clear: that is how origins are reached. */
export function encodeServerRequest({ protocol, httpVersion, messageReceiveLimit }: ServerRequest): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(1, WireType.Varint).uint32(protocol);
  writer.tag(2, WireType.Varint).uint32(httpVersion);
  writer.tag(6, WireType.Varint).uint32(messageReceiveLimit);
  return writer.finish();
}

export function decodeServerResponse(bytes: Uint8Array): ServerResponse {
  let [host, port, cert] = ["", 0, ""];
  eachField(bytes, (field, reader) => {
    if (field === 1) host = reader.string();
    else if (field === 2) port = reader.uint32();
    else if (field === 3) cert = text.decode(reader.bytes());
    else return false;
    return true;
  });
  return { host, port, cert: cert || undefined };
}

export function encodeServerResponse({ host, port, cert }: ServerResponse): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(1, WireType.LengthDelimited).string(host);
  writer.tag(2, WireType.Varint).uint32(port);
  if (cert !== undefined) writer.tag(3, WireType.LengthDelimited).bytes(utf8.encode(cert));
  return writer.finish();
}

/**
 * A request for the client program, sent to an edge instead of the server on its port: what comes last in a message counts.
 */
export async function redirectClientRequest(
  bytes: Uint8Array,
  edgeFor: (port: number, speaks: OriginSpeaks) => Promise<{ readonly port: number; readonly protocol: number }>,
): Promise<Uint8Array> {
  let [httpVersion, originProtocol, serverPort] = [0, 0, 0];
  eachField(bytes, (field, reader) => {
    if (field === 2) httpVersion = reader.uint32();
    else if (field === 3) originProtocol = reader.uint32();
    else if (field === 7) serverPort = reader.uint32();
    else return false;
    return true;
  });
  const { port, protocol } = await edgeFor(serverPort, originSpeaks(originProtocol, httpVersion));
  const writer = new BinaryWriter();
  writer.tag(3, WireType.Varint).uint32(protocol);
  writer.tag(6, WireType.LengthDelimited).string("127.0.0.1");
  writer.tag(7, WireType.Varint).uint32(port);
  return Buffer.concat([bytes, writer.finish()]);
}

/** `use` reads a field's value, or returns false to pass over it. */
function eachField(bytes: Uint8Array, use: (field: number, reader: BinaryReader) => boolean): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (!use(field, reader)) reader.skip(wireType, field);
  }
}

/** `message` behind its length. */
export function delimited(message: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(4 + message.length);
  new DataView(bytes.buffer).setUint32(0, message.length);
  bytes.set(message, 4);
  return bytes;
}

/** The messages on `stream`, to its end. */
export async function* readDelimited(stream: Readable): AsyncGenerator<Uint8Array, void> {
  let bytes = Buffer.alloc(0);
  for await (const chunk of stream) {
    bytes = Buffer.concat([bytes, chunk as Buffer]);
    while (bytes.length >= 4 && bytes.length >= 4 + bytes.readUInt32BE()) {
      const end = 4 + bytes.readUInt32BE();
      yield bytes.subarray(4, end);
      bytes = bytes.subarray(end);
    }
  }
}

/** The first message on `stream`. */
export async function readOne(stream: Readable): Promise<Uint8Array> {
  // Not `for await`: leaving it would close the stream.
  const { value } = await readDelimited(stream).next();
  if (value === undefined) throw new Error("the stream ended without a message");
  return value;
}
