/** gRPC's answers, as origins give them (grpc/doc/PROTOCOL-HTTP2.md, Responses). */
import { CallError } from "../../call/error.ts";
import { Fields } from "../../call/fields.ts";
import { type HttpResponse, noBody } from "../../call/http.ts";
import type { RpcEnd, RpcResponse } from "../../call/rpc.ts";
import { Code, codeFromHttp } from "../../call/status.ts";
import { decodeGrpcEnd } from "../../wire/grpc-end.ts";
import { codecOf, essence } from "../content-type.ts";
import { responseMetadata } from "../fields.ts";
import { Step } from "../step.ts";

/** The origin's answer to a call whose messages are in `codec`. What is no gRPC becomes an answer that fails. */
export function decodeResponse(response: HttpResponse, codec: string): RpcResponse {
  const { head, body } = response;
  const { fields } = head;
  const early = decodeGrpcEnd(fields, fields);
  if (early !== undefined && body === noBody) return trailersOnly({ ...early, metadata: responseMetadata(fields) });
  const error = early === undefined ? refusal(response, codec) : undefined;
  if (error !== undefined) {
    body.cancel(error);
    return { head: undefined, messages: { ...noBody, pipe: (sink) => sink.fail(error) } };
  }
  return {
    head: {
      codec,
      // Some servers send an empty name with errors.
      encoding: fields.get("grpc-encoding") || "identity",
      acceptEncoding: fields.joined("grpc-accept-encoding"),
      metadata: responseMetadata(fields),
    },
    messages: new Messages(response, early),
  };
}

function trailersOnly(end: RpcEnd): RpcResponse {
  return { head: undefined, messages: { ...noBody, pipe: (sink) => sink.end(end) } };
}

/** Why an answer cannot be gRPC's. grpc/doc/http-grpc-status-mapping.md says which status such an answer stands for. */
function refusal({ head }: HttpResponse, codec: string): CallError | undefined {
  const side = "origin";
  const contentType = head.fields.get("content-type") ?? "";
  const sent = codecOf(essence(contentType), "application/grpc");
  if (head.status !== 200) return new CallError(codeFromHttp(head.status), `HTTP status ${head.status}`, { side });
  if (sent === undefined) return new CallError(Code.UNKNOWN, `no gRPC content type: "${contentType}"`, { side });
  if (sent === codec) return undefined;
  return new CallError(Code.INTERNAL, `asked for ${codec} messages, answered with ${sent}`, { side });
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
    const end = decodeGrpcEnd(trailers, trailers);
    if (end !== undefined) return this.finish({ ...end, metadata: responseMetadata(trailers) });
    if (this.#early !== undefined && this.#empty) return this.finish({ ...this.#early, metadata: Fields.empty });
    const code = trailers.size > 0 ? Code.UNKNOWN : Code.INTERNAL;
    this.fail(new CallError(code, "the answer ended without a grpc-status", { side: "origin" }));
  }
}
