/**
 * The protocols that callers and origins speak. A request is detected and decoded, sent to its origin in gRPC, in what the
 * origin speaks instead, or as plain HTTP, and the origin's answer is encoded for its caller. Where both sides share a
 * framing, bytes pass as they are; otherwise a step in between translates them.
 */
import { CallError } from "../call/error.ts";
import { type Body, type HttpResponse, noBody, type TextAnswer } from "../call/http.ts";
import type { RpcResponse } from "../call/rpc.ts";
import { codeFromHttp } from "../call/status.ts";
import type { Caller, RpcCaller } from "./caller.ts";
import { webCompressions } from "./compression.ts";
import { decodeGet, decodeUnary } from "./connect/decode.ts";
import { encodeStream, encodeStreamEnd } from "./connect/encode.ts";
import { encodeUnary, encodeUnaryError } from "./connect/encode-unary.ts";
import { endOf } from "./end.ts";
import * as grpc from "./grpc/encode.ts";
import { passAnswer } from "./grpc/pass.ts";
import { decodeText } from "./grpc-web/decode.ts";
import * as grpcWeb from "./grpc-web/encode.ts";
import { passResponse } from "./http/decode.ts";
import * as http from "./http/encode.ts";
import { decodeAnswer, type DecodeOptions, type OriginCall } from "./origin.ts";
import { acceptable } from "./recode.ts";

export type { Accepted, AcceptedHttp, AcceptedRpc } from "./accepted.ts";
export type { Caller, RpcCaller } from "./caller.ts";
export { detect, unsupportedMediaType } from "./detect.ts";
export { encodeRequest } from "./grpc/encode.ts";
export { withForwarding, withoutForwarding } from "./forwarding.ts";
export { passRequest } from "./http/encode.ts";
export {
  decodeAnswer,
  encodeCall,
  encodeMessages,
  type MapEnd,
  type OriginCall,
  type OriginProtocol,
  passesAsItIs,
} from "./origin.ts";
export { passResponse } from "./http/decode.ts";
export { acceptable, recode } from "./recode.ts";

/** The caller's body as the origin takes it: a call's messages in gRPC's framing, anything else as it is. */
export function decodeRequest(caller: Caller, body: Body): Body {
  switch (caller.protocol) {
    case "grpc-web-text":
      return decodeText(body);
    case "connect-unary":
      return decodeUnary(caller, body);
    case "connect-get":
      return decodeGet(caller);
    case "http":
      return body;
    default:
      return body === noBody ? noMessages : body;
  }
}

/**
 * A stream of no messages ends with an empty DATA frame (grpc/doc/PROTOCOL-HTTP2.md, Requests): grpc-go never answers one
 * that its header block ends.
 */
const noMessages: Body = { ...noBody };

/**
 * Turns the origin's answer into the caller's. `respond` gets it, once: at once, but for Connect's unary calls, whose
 * answer is complete only when the origin has ended. A failure on the way is answered like any other end of a call.
 * An answer in a compression that the caller does not take is decompressed with those that the host has.
 */
export function translateResponse(
  caller: Caller,
  response: HttpResponse,
  respond: (response: HttpResponse) => void,
  origin: OriginCall = "grpc",
  options: DecodeOptions = {},
): void {
  if (caller.protocol === "http") return respond(passResponse(response));
  const passed = origin === "grpc" && caller.protocol === "grpc" ? passAnswer(caller, response) : undefined;
  if (passed !== undefined) return respond(passed);
  const decoded = decodeAnswer(origin, response, caller.codec, options);
  encodeResponse(caller, acceptable(caller, decoded, options.compressions ?? webCompressions), respond);
}

/** An answer whose messages are in the caller's codec, as the caller gets it. Like {@link translateResponse}. */
export function encodeResponse(
  caller: RpcCaller,
  response: RpcResponse,
  respond: (response: HttpResponse) => void,
): void {
  switch (caller.protocol) {
    case "grpc":
      return grpc.encodeResponse(caller, response, respond);
    case "grpc-web":
    case "grpc-web-text":
      return grpcWeb.encodeResponse(caller, response, respond);
    case "connect-stream":
      return encodeStream(caller, response, respond);
    case "connect-unary":
    case "connect-get":
      return encodeUnary(caller, response, respond);
  }
}

/** An answer of a rule's own, in the caller's protocol: to a call it is a failure, whose message it has. */
export function encodeAnswer(caller: Caller, answer: TextAnswer): HttpResponse {
  if (caller.protocol === "http") return http.encodeAnswer(caller, answer);
  const { status, text } = answer;
  const message = text === "" ? `the rule answers with HTTP status ${status}` : text;
  return encodeFailure(
    caller,
    new CallError(
      codeFromHttp(status),
      message,
      status < 400 ? { side: "edge" } : { side: "edge", httpStatus: status },
    ),
  );
}

/** The answer to a call that got none from an origin, in the caller's protocol. */
export function encodeFailure(caller: Caller, error: CallError): HttpResponse {
  switch (caller.protocol) {
    case "http":
      return http.encodeFailure(caller, error);
    case "grpc":
      return grpc.encodeTrailersOnly(caller, endOf(error));
    case "grpc-web":
    case "grpc-web-text":
      return grpcWeb.encodeTrailersOnly(caller, endOf(error));
    case "connect-stream":
      return encodeStreamEnd(caller, endOf(error));
    default:
      return encodeUnaryError(endOf(error), undefined, error.httpStatus);
  }
}
