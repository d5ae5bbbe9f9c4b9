/**
 * gRPC-Web (grpc/doc/PROTOCOL-WEB.md): callers' bodies in text form, which is base64 of gRPC's framing, and the answers of
 * origins, whose status is the last frame of the body.
 */
import { CallError } from "../../call/error.ts";
import { Fields } from "../../call/fields.ts";
import { type Body, type HttpResponse, noBody } from "../../call/http.ts";
import type { RpcEnd, RpcResponse } from "../../call/rpc.ts";
import { Code } from "../../call/status.ts";
import { Base64Decoder } from "../../wire/base64.ts";
import { Flag } from "../../wire/envelope.ts";
import { decodeGrpcEnd } from "../../wire/grpc-end.ts";
import { parseTrailerBlock } from "../../wire/web-trailer.ts";
import type { Compressions } from "../compression.ts";
import { EndFromBody } from "../end-from-body.ts";
import { onlyEnd, onlyFailure } from "../end.ts";
import { responseMetadata, trailersInBody } from "../fields.ts";
import { decodeHead, refusal } from "../grpc/decode.ts";
import { Step } from "../step.ts";

/** The origin's answer to a call whose messages are in `codec`. What is no gRPC-Web becomes an answer that fails. */
export function decodeResponse({ head, body }: HttpResponse, codec: string, compressions: Compressions): RpcResponse {
  const { fields } = head;
  const early = decodeGrpcEnd(fields, responseMetadata(fields));
  if (early !== undefined && body === noBody) return onlyEnd(early);
  const error = early === undefined ? refusal(head, "application/grpc-web", codec) : undefined;
  if (error !== undefined) {
    body.cancel(error);
    return onlyFailure(error);
  }
  const decoded = decodeHead(fields, codec);
  const compression = compressions.get(decoded.encoding);
  // The head has its metadata already.
  const ending = { flag: Flag.TRAILERS, compression, read, early: early && { ...early, metadata: Fields.empty } };
  return { head: decoded, messages: new EndFromBody(body, ending) };
}

function read(frame: Uint8Array): RpcEnd | undefined {
  const trailers = parseTrailerBlock(frame);
  return decodeGrpcEnd(trailers, trailersInBody(trailers));
}

export function decodeText(body: Body): Body {
  return new TextDecoding(body);
}

class TextDecoding extends Step<Fields, Fields> {
  readonly #decoder = new Base64Decoder();

  protected take(text: Uint8Array): void {
    this.#pass(this.#decoder.push(text));
  }

  end(trailers: Fields): void {
    this.#pass(this.#decoder.finish());
    this.finish(trailers);
  }

  #pass(bytes: Uint8Array | undefined): void {
    if (bytes !== undefined) return this.give(bytes);
    this.breakOff(new CallError(Code.INVALID_ARGUMENT, "the body is not base64", { side: "caller" }));
  }
}
