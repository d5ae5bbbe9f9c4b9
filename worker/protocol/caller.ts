/** Who calls, and all that answering them needs. Plain JSON: it is part of the plan, which crosses to a Durable Object. */
export type Caller = HttpCaller | RpcCaller;

/** A caller of plain HTTP. */
export interface HttpCaller {
  readonly protocol: "http";
  /** Whether answers go without a body: the method is HEAD. */
  readonly bodiless: boolean;
}

export type RpcCaller = FramedCaller | ConnectUnaryCaller | ConnectGetCaller;

interface RpcCallerBase {
  /** The content type of answers: that of the request, without parameters. */
  readonly contentType: string;
  /** What messages are encoded with, "proto" for instance. */
  readonly codec: string;
  /** Compressions that answers may have, as the caller listed them. Undefined if it said none. */
  readonly acceptEncoding: string | undefined;
}

/** A caller whose messages come in the framing that gRPC, gRPC-Web and Connect's streams share. */
export interface FramedCaller extends RpcCallerBase {
  readonly protocol: "grpc" | "grpc-web" | "grpc-web-text" | "connect-stream";
}

/** Connect's unary call: the body is the message. */
export interface ConnectUnaryCaller extends RpcCallerBase {
  readonly protocol: "connect-unary";
  /** Whether the message is compressed. */
  readonly compressed: boolean;
  /** Bytes of the message, if the caller said. */
  readonly contentLength: number | undefined;
}

/** Connect's unary call by GET: the query holds the message. */
export interface ConnectGetCaller extends RpcCallerBase {
  readonly protocol: "connect-get";
  readonly compressed: boolean;
  /** The message as the query has it, percent-decoding still to be done. */
  readonly message: string;
  readonly base64: boolean;
}
