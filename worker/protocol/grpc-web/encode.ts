/**
 * gRPC-Web's answers (grpc/doc/PROTOCOL-WEB.md). The status always goes in one trailer frame of the body, also where
 * gRPC would send Trailers-Only: Cloudflare's front and some clients look for it nowhere else, and a second, empty
 * frame behind a status among the headers hides that status (traefik issue 13842).
 */
import { CallError } from "../../call/error.ts";
import { Fields } from "../../call/fields.ts";
import type { HttpResponse } from "../../call/http.ts";
import type { RpcEnd, RpcResponse } from "../../call/rpc.ts";
import type { Source } from "../../call/flow.ts";
import { Code } from "../../call/status.ts";
import { encodeBase64Bytes } from "../../wire/base64.ts";
import { EnvelopeSplitter } from "../../wire/envelope.ts";
import { encodeGrpcEnd } from "../../wire/grpc-end.ts";
import { encodeTrailerFrame } from "../../wire/web-trailer.ts";
import type { FramedCaller } from "../caller.ts";
import { endOf, whenEnded } from "../end.ts";
import { encodeHead } from "../grpc/encode.ts";
import { sourceOf, Step } from "../step.ts";

export function encodeResponse(
  caller: FramedCaller,
  { head, messages }: RpcResponse,
  respond: (response: HttpResponse) => void,
): void {
  if (head === undefined) return whenEnded(messages, (end) => respond(encodeTrailersOnly(caller, end)));
  const text = caller.protocol === "grpc-web-text";
  respond({ head: { status: 200, fields: encodeHead(caller, head) }, body: new Messages(messages, text) });
}

export function encodeTrailersOnly(caller: FramedCaller, end: RpcEnd): HttpResponse {
  const frame = encodeTrailerFrame(encodeGrpcEnd(end));
  const bytes = caller.protocol === "grpc-web-text" ? encodeBase64Bytes(frame) : frame;
  return {
    head: { status: 200, fields: new Fields(["content-type", caller.contentType]) },
    body: sourceOf(bytes, Fields.empty),
  };
}

/** Passes the messages, as they are or in base64, and puts the trailer frame behind them. */
class Messages extends Step<RpcEnd, Fields> {
  readonly #text: boolean;
  readonly #splitter = new EnvelopeSplitter({ begin() {}, piece() {}, complete() {} });

  constructor(messages: Source<RpcEnd>, text: boolean) {
    super(messages);
    this.#text = text;
  }

  protected take(bytes: Uint8Array): void {
    this.#splitter.push(bytes);
    this.#pass(bytes);
  }

  end(end: RpcEnd): void {
    if (!this.#splitter.atBoundary) {
      // Behind half a message a client would read the trailer frame as the other half.
      const cause = end.code === Code.OK ? "" : `: ${end.message}`;
      return super.fail(
        new CallError(Code.INTERNAL, `the answer broke off within a message${cause}`, { side: "origin" }),
      );
    }
    this.#pass(encodeTrailerFrame(encodeGrpcEnd(end)));
    this.finish(Fields.empty);
  }

  override fail(error: CallError): void {
    this.end(endOf(error));
  }

  #pass(bytes: Uint8Array): void {
    // Each piece is padded to stand alone, so that a client can decode what it has (PROTOCOL-WEB.md allows it).
    this.give(this.#text ? encodeBase64Bytes(bytes) : bytes);
  }
}
