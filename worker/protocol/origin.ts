/**
 * What origins speak. Between the two sides a call is gRPC's: an origin of gRPC-Web or Connect gets it translated once
 * more, and its answers come back the same way.
 */
import type { Body, HttpResponse, RequestHead } from "../call/http.ts";
import type { Source } from "../call/flow.ts";
import type { RpcEnd, RpcResponse } from "../call/rpc.ts";
import type { Caller } from "./caller.ts";
import { type Compressions, webCompressions } from "./compression.ts";
import { decodeStream, decodeUnaryAnswer } from "./connect/decode-answer.ts";
import { encodeStreamRequest, encodeUnaryBody, encodeUnaryRequest } from "./connect/encode-request.ts";
import { codecOf, essence } from "./content-type.ts";
import { endOf } from "./end.ts";
import { acceptGrpc } from "./grpc/accept.ts";
import { decodeResponse } from "./grpc/decode.ts";
import * as grpcWeb from "./grpc-web/decode.ts";
import { encodeRequest as encodeGrpcWeb } from "./grpc-web/encode.ts";

/** What a backend's calls are spoken in. Connect's unary calls are another thing on the wire than its streams. */
export type OriginProtocol = "grpc" | "grpc-web" | "connect";

/** What one call is spoken in. */
export type OriginCall = "grpc" | "grpc-web" | "connect-unary" | "connect-stream";

/** Whether a call goes to its origin as it came, byte for byte, and its answer back: plain HTTP does. */
export function passesAsItIs(origin: OriginProtocol, { protocol }: Caller): boolean {
  return protocol === "http" || (origin === "connect" && (protocol === "connect-unary" || protocol === "connect-get"));
}

/** The head of a call, as gRPC has it, for its origin. */
export function encodeCall(origin: OriginCall, head: RequestHead): RequestHead {
  if (origin === "grpc") return head;
  const { fields } = head;
  const codec = codecOf(essence(fields.get("content-type") ?? ""), "application/grpc") ?? "proto";
  const acceptEncoding = fields.joined("grpc-accept-encoding");
  const call = acceptGrpc(head, { protocol: "grpc", contentType: "", codec, acceptEncoding });
  switch (origin) {
    case "grpc-web":
      return encodeGrpcWeb(call, head);
    case "connect-unary":
      return encodeUnaryRequest(call, head);
    case "connect-stream":
      return encodeStreamRequest(call, head);
  }
}

/** The call's messages, in gRPC's framing, as the origin takes them. `encoding` is what the call's head names. */
export function encodeMessages(
  origin: OriginCall,
  messages: Body,
  encoding: string,
  compressions: Compressions = webCompressions,
): Body {
  return origin === "connect-unary" ? encodeUnaryBody(messages, encoding, compressions) : messages;
}

/** What is made of the end of a call before its caller hears of it. */
export type MapEnd = (end: RpcEnd) => RpcEnd;

export interface DecodeOptions {
  readonly compressions?: Compressions;
  /** For an end that the body tells of. Undefined: it stays. */
  readonly ended?: MapEnd;
}

/** The origin's answer to a call whose messages are in `codec`. What is no such answer becomes one that fails. */
export function decodeAnswer(
  origin: OriginCall,
  response: HttpResponse,
  codec: string,
  { compressions = webCompressions, ended }: DecodeOptions = {},
): RpcResponse {
  if (origin === "grpc") return decodeResponse(response, codec);
  const decode = decoders[origin];
  const { head, messages } = decode(response, codec, compressions);
  return { head, messages: ended === undefined ? messages : endingAs(messages, ended) };
}

const decoders = {
  "grpc-web": grpcWeb.decodeResponse,
  "connect-unary": decodeUnaryAnswer,
  "connect-stream": decodeStream,
} as const;

function endingAs(messages: Source<RpcEnd>, ended: MapEnd): Source<RpcEnd> {
  return {
    pipe: (sink) =>
      messages.pipe({
        write: (bytes) => sink.write(bytes),
        end: (end) => sink.end(ended(end)),
        fail: (error) => {
          ended(endOf(error));
          sink.fail(error);
        },
      }),
    consumed: (bytes) => messages.consumed(bytes),
    cancel: (error) => messages.cancel(error),
  };
}
