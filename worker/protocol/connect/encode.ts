/** Connect's answers to streams (connectrpc.com/docs/protocol, Streaming-Response). Unary ones: encode-unary.ts. */
import { CallError } from "../../call/error.ts";
import { Fields } from "../../call/fields.ts";
import type { HttpResponse } from "../../call/http.ts";
import type { RpcEnd, RpcResponse, RpcResponseHead } from "../../call/rpc.ts";
import { Code } from "../../call/status.ts";
import { encodeEndStream } from "../../wire/connect-json.ts";
import { envelope, EnvelopeSplitter, Flag } from "../../wire/envelope.ts";
import type { FramedCaller } from "../caller.ts";
import { endOf, whenEnded } from "../end.ts";
import { sourceOf, Step } from "../step.ts";

export function encodeStream(
  caller: FramedCaller,
  { head, messages }: RpcResponse,
  respond: (response: HttpResponse) => void,
): void {
  if (head === undefined) return whenEnded(messages, (end) => respond(encodeStreamEnd(caller, end)));
  respond({ head: { status: 200, fields: encodeHead(caller, head) }, body: new Messages(messages) });
}

/** The answer to a stream that ended before it began: its status is in the body, whatever the status. */
export function encodeStreamEnd(caller: FramedCaller, end: RpcEnd): HttpResponse {
  return {
    head: { status: 200, fields: new Fields(["content-type", caller.contentType]) },
    body: sourceOf(envelope(Flag.END_STREAM, encodeEndStream(end)), Fields.empty),
  };
}

function encodeHead(caller: FramedCaller, { encoding, acceptEncoding, metadata }: RpcResponseHead): Fields {
  const flat = ["content-type", caller.contentType];
  if (encoding !== "identity") flat.push("connect-content-encoding", encoding);
  if (acceptEncoding !== undefined) flat.push("connect-accept-encoding", acceptEncoding);
  for (const item of metadata.flat) flat.push(item);
  return new Fields(flat, metadata.neverIndexed);
}

/** Passes the messages as they are, and ends with the message that holds status and trailers. */
class Messages extends Step<RpcEnd, Fields> {
  readonly #splitter = new EnvelopeSplitter({ begin() {}, piece() {}, complete() {} });

  protected take(bytes: Uint8Array): void {
    this.#splitter.push(bytes);
    this.give(bytes);
  }

  end(end: RpcEnd): void {
    if (!this.#splitter.atBoundary) {
      const cause = end.code === Code.OK ? "" : `: ${end.message}`;
      return super.fail(
        new CallError(Code.INTERNAL, `the answer broke off within a message${cause}`, { side: "origin" }),
      );
    }
    this.give(envelope(Flag.END_STREAM, encodeEndStream(end)));
    this.finish(Fields.empty);
  }

  override fail(error: CallError): void {
    this.end(endOf(error));
  }
}
