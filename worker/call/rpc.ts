/**
 * A call as everything between the protocols sees it. A message stream is bytes of gRPC framing (one flag byte, four
 * length bytes, the message; github.com/grpc/grpc doc/PROTOCOL-HTTP2.md), so that protocols that share the framing
 * pass it untouched.
 */
import type { Fields } from "./fields.ts";
import type { Source } from "./flow.ts";
import type { Code } from "./status.ts";

export interface RpcRequestHead {
  /** "/package.Service/Method". */
  readonly path: string;
  /** What messages are encoded with: the content type's suffix, "proto" if it has none. */
  readonly codec: string;
  /** Compression of the request's messages. "identity" if none. */
  readonly encoding: string;
  /** Compressions the caller takes in answers, as listed. Undefined if it said none. */
  readonly acceptEncoding: string | undefined;
  /** Time left to the caller, milliseconds. Undefined if it set no deadline. */
  readonly timeoutMs: number | undefined;
  /** The call's own metadata: without any field that belongs to the protocol or the transport. */
  readonly metadata: Fields;
}

export interface RpcResponseHead {
  readonly codec: string;
  readonly encoding: string;
  /** Compressions the origin takes in requests, as listed. Undefined if it said none. */
  readonly acceptEncoding: string | undefined;
  readonly metadata: Fields;
}

/** How a call ended. */
export interface RpcEnd {
  readonly code: Code;
  readonly message: string;
  /** google.rpc.Status in binary (grpc-status-details-bin, decoded). Undefined if none. */
  readonly details: Uint8Array | undefined;
  /** Trailing metadata, without the status itself. */
  readonly metadata: Fields;
}

export interface RpcResponse {
  /** Undefined when the call ended before any answer: gRPC's Trailers-Only. */
  readonly head: RpcResponseHead | undefined;
  readonly messages: Source<RpcEnd>;
}
