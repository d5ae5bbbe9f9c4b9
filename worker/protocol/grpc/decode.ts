/** gRPC's answers, as origins give them (grpc/doc/PROTOCOL-HTTP2.md, Responses). */
import { CallError } from "../../call/error.ts";
import { Fields } from "../../call/fields.ts";
import { type HttpResponse, noBody, type ResponseHead } from "../../call/http.ts";
import type { RpcEnd, RpcResponse, RpcResponseHead } from "../../call/rpc.ts";
import { Code, codeFromHttp } from "../../call/status.ts";
import { decodeGrpcEnd } from "../../wire/grpc-end.ts";
import { codecOf, essence } from "../content-type.ts";
import { endOf, onlyEnd, onlyFailure } from "../end.ts";
import { responseMetadata } from "../fields.ts";
import { Step } from "../step.ts";

/** The origin's answer to a call whose messages are in `codec`. What is no gRPC becomes an answer that fails. */
export function decodeResponse(response: HttpResponse, codec: string): RpcResponse {
  const { head, body } = response;
  const { fields } = head;
  const early = decodeGrpcEnd(fields, fields);
  if (early !== undefined && body === noBody) return onlyEnd({ ...early, metadata: responseMetadata(fields) });
  const error = early === undefined ? refusal(head, "application/grpc", codec) : undefined;
  if (error !== undefined) {
    body.cancel(error);
    return onlyFailure(error);
  }
  return { head: decodeHead(fields, codec), messages: new Messages(response, early) };
}

/** What comes before the messages, the same in gRPC and gRPC-Web. */
export function decodeHead(fields: Fields, codec: string): RpcResponseHead {
  return {
    codec,
    // Some servers send an empty name with errors.
    encoding: fields.get("grpc-encoding") || "identity",
    acceptEncoding: fields.joined("grpc-accept-encoding"),
    metadata: responseMetadata(fields),
  };
}

/**
 * Why an answer cannot be one in messages of `codec` under the content type `base`. Undefined if it can.
 * grpc/doc/http-grpc-status-mapping.md says which status such an answer stands for; Connect's table is the same.
 */
export function refusal({ status, fields }: ResponseHead, base: string, codec: string): CallError | undefined {
  const side = "origin";
  const contentType = fields.get("content-type") ?? "";
  const sent = codecOf(essence(contentType), base);
  if (status !== 200) return new CallError(codeFromHttp(status), `HTTP status ${status}`, { side });
  if (sent === undefined)
    return new CallError(Code.UNKNOWN, `not the content type ${base}: "${contentType}"`, { side });
  if (sent === codec) return undefined;
  return new CallError(Code.INTERNAL, `asked for ${codec} messages, answered with ${sent}`, { side });
}

/** How the call ended that ends with `trailers`. */
export function decodeEnd(trailers: Fields): RpcEnd {
  const end = decodeGrpcEnd(trailers, trailers);
  if (end !== undefined) return { ...end, metadata: responseMetadata(trailers) };
  const code = trailers.size > 0 ? Code.UNKNOWN : Code.INTERNAL;
  return endOf(new CallError(code, "the answer ended without a grpc-status", { side: "origin" }));
}

/** Passes the messages as they are; the trailers say how the call ended. */
class Messages extends Step<Fields, RpcEnd> {
  /** The status among the header fields: it counts only if nothing comes after them. */
  readonly #early: RpcEnd | undefined;
  #empty = true;

  constructor(response: HttpResponse, early: RpcEnd | undefined) {
    super(response.body);
    this.#early = early;
  }

  protected take(bytes: Uint8Array): void {
    this.#empty = false;
    this.give(bytes);
  }

  end(trailers: Fields): void {
    const counts = this.#empty && !trailers.has("grpc-status");
    if (this.#early !== undefined && counts) return this.finish({ ...this.#early, metadata: Fields.empty });
    this.finish(decodeEnd(trailers));
  }
}
