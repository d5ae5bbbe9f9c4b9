/** HTTP/1.1 and gRPC-Web by hand, for what clients hide: the bytes. */
import { type IncomingHttpHeaders, request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { encode } from "../../examples/services/protos.ts";

export interface RawRequest {
  readonly port: number;
  /** In the clear unless told. */
  readonly tls?: boolean;
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** One request, and the whole of its answer. */
export function send({ port, tls = false, method = "GET", path, headers = {}, body }: RawRequest): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const options = { host: "127.0.0.1", port, method, path, headers: { ...headers }, agent: false } as const;
    const outgoing = tls ? httpsRequest({ ...options, rejectUnauthorized: false }) : httpRequest(options);
    outgoing.on("error", reject);
    outgoing.on("response", (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on("error", reject);
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
      incoming.on("end", () =>
        resolve({ status: incoming.statusCode!, headers: incoming.headers, body: Buffer.concat(chunks) }),
      );
    });
    outgoing.end(body);
  });
}

export interface WebRequest {
  readonly port: number;
  /** "package.Service/Method". */
  readonly method: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: Uint8Array | string;
}

/** A call of gRPC-Web, in binary unless `headers` say otherwise. */
export function sendWeb({ port, method, headers, body }: WebRequest): Promise<RawAnswer> {
  const all = { "content-type": "application/grpc-web+proto", ...headers };
  return send({ port, method: "POST", path: `/${method}`, headers: all, body });
}

export interface Frame {
  readonly flags: number;
  readonly bytes: Buffer;
}

/** gRPC's framing: a flag byte, four length bytes, the message. */
export function frame(type: string, message: object): Buffer {
  const bytes = encode(type, message);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

/** Splits a gRPC-Web body. Throws if a frame is cut off. */
export function frames(body: Buffer): Frame[] {
  const found: Frame[] = [];
  for (let at = 0; at < body.length;) {
    const end = at + 5 + body.readUInt32BE(at + 1);
    if (end > body.length) throw new Error("the last frame is cut off");
    found.push({ flags: body[at]!, bytes: body.subarray(at + 5, end) });
    at = end;
  }
  return found;
}

/** The lines of a body's trailer frame, which must be its only one and its last. */
export function trailers(body: Buffer): Record<string, string> {
  const all = frames(body);
  const last = all.pop();
  if (last?.flags !== 0x80) throw new Error("the body does not end with a trailer frame");
  if (all.some(({ flags }) => flags === 0x80)) throw new Error("the body has several trailer frames");
  const lines = last.bytes.toString("latin1").split("\r\n");
  if (lines.pop() !== "") throw new Error("the trailer frame does not end with a line end");
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1)]));
}
