/** gRPC's requests to origins and answers to callers (grpc/doc/PROTOCOL-HTTP2.md). */
import type { CallError } from "../../call/error.ts";
import { Fields } from "../../call/fields.ts";
import { type HttpResponse, noBody, type RequestHead } from "../../call/http.ts";
import { Recent } from "../../call/recent.ts";
import type { RpcEnd, RpcRequestHead, RpcResponse, RpcResponseHead } from "../../call/rpc.ts";
import { encodeGrpcEnd } from "../../wire/grpc-end.ts";
import { formatGrpcTimeout } from "../../wire/timeout.ts";
import type { FramedCaller } from "../caller.ts";
import { endOf, whenEnded } from "../end.ts";
import { Step } from "../step.ts";

/** Where a request goes. */
export interface Target {
  readonly scheme: "http" | "https";
  readonly authority: string;
}

/** The call as an origin gets it. */
export function encodeRequest(head: RpcRequestHead, target: Target): RequestHead {
  const known = encoded.get(head);
  if (known?.scheme === target.scheme && known.authority === target.authority) return known;
  return encoded.set(head, encodeAnew(head, target));
}

const encoded = new Recent<RpcRequestHead, RequestHead>();

function encodeAnew(head: RpcRequestHead, { scheme, authority }: Target): RequestHead {
  const fields = encodeCallFields(["te", "trailers", "content-type", contentTypeOf(head.codec)], head);
  return { method: "POST", scheme, authority, path: head.path, fields };
}

/** `flat`, and behind it the fields of a request that are the same in gRPC and gRPC-Web. */
export function encodeCallFields(flat: string[], head: RpcRequestHead): Fields {
  if (head.timeoutMs !== undefined) flat.push("grpc-timeout", formatGrpcTimeout(head.timeoutMs));
  if (head.encoding !== "identity") flat.push("grpc-encoding", head.encoding);
  if (head.acceptEncoding !== undefined) flat.push("grpc-accept-encoding", head.acceptEncoding);
  for (const item of head.metadata.flat) flat.push(item);
  return new Fields(flat, head.metadata.neverIndexed);
}

/** Every gRPC server takes the bare type for protobuf; some take no other. */
function contentTypeOf(codec: string): string {
  return codec === "proto" ? "application/grpc" : `application/grpc+${codec}`;
}

/** The fields before the messages, the same in gRPC and gRPC-Web. */
export function encodeHead(caller: FramedCaller, head: RpcResponseHead): Fields {
  const flat = ["content-type", caller.contentType];
  if (head.encoding !== "identity") flat.push("grpc-encoding", head.encoding);
  if (head.acceptEncoding !== undefined) flat.push("grpc-accept-encoding", head.acceptEncoding);
  for (const item of head.metadata.flat) flat.push(item);
  return new Fields(flat, head.metadata.neverIndexed);
}

export function encodeResponse(
  caller: FramedCaller,
  { head, messages }: RpcResponse,
  respond: (response: HttpResponse) => void,
): void {
  if (head === undefined) whenEnded(messages, (end) => respond(encodeTrailersOnly(caller, end)));
  else respond({ head: { status: 200, fields: encodeHead(caller, head) }, body: new Messages(messages) });
}

/** The whole answer in one header block. */
export function encodeTrailersOnly(caller: FramedCaller, end: RpcEnd): HttpResponse {
  const { flat, neverIndexed } = encodeGrpcEnd(end);
  return {
    head: { status: 200, fields: new Fields(["content-type", caller.contentType, ...flat], neverIndexed) },
    body: noBody,
  };
}

/** Passes the messages as they are, and ends with the status in the trailers. */
class Messages extends Step<RpcEnd, Fields> {
  protected take(bytes: Uint8Array): void {
    this.give(bytes);
  }

  end(end: RpcEnd): void {
    this.finish(encodeGrpcEnd(end));
  }

  override fail(error: CallError): void {
    this.finish(encodeGrpcEnd(endOf(error)));
  }
}
