/** A request in gRPC's or gRPC-Web's own headers, which are the same (grpc/doc/PROTOCOL-HTTP2.md, Requests). */
import { CallError } from "../../call/error.ts";
import type { Fields } from "../../call/fields.ts";
import type { RequestHead } from "../../call/http.ts";
import type { RpcRequestHead } from "../../call/rpc.ts";
import { Code } from "../../call/status.ts";
import { parseGrpcTimeout } from "../../wire/timeout.ts";
import type { FramedCaller } from "../caller.ts";
import { codecOf } from "../content-type.ts";
import { requestMetadata } from "../fields.ts";

export function grpcCaller(contentType: string, fields: Fields): FramedCaller | undefined {
  const codec = codecOf(contentType, "application/grpc");
  if (codec === undefined) return undefined;
  return { protocol: "grpc", contentType, codec, acceptEncoding: fields.joined("grpc-accept-encoding") };
}

/** @throws CallError INVALID_ARGUMENT for a malformed deadline or metadata. */
export function acceptGrpc(head: RequestHead, caller: FramedCaller): RpcRequestHead {
  const { fields } = head;
  const timeout = fields.get("grpc-timeout");
  const timeoutMs = timeout === undefined ? undefined : parseGrpcTimeout(timeout);
  if (timeout !== undefined && timeoutMs === undefined) {
    throw new CallError(Code.INVALID_ARGUMENT, `grpc-timeout is malformed: ${timeout}`, { side: "caller" });
  }
  return {
    path: head.path,
    codec: caller.codec,
    encoding: fields.get("grpc-encoding") ?? "identity",
    acceptEncoding: caller.acceptEncoding,
    timeoutMs,
    metadata: requestMetadata(fields),
  };
}
