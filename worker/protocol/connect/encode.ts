/** Connect's answers to streams (connectrpc.com/docs/protocol, Streaming-Response). Unary ones: encode-unary.ts. */
import { Fields } from "../../call/fields.ts";
import type { HttpResponse } from "../../call/http.ts";
import type { RpcEnd, RpcResponse, RpcResponseHead } from "../../call/rpc.ts";
import { encodeEndStream } from "../../wire/connect-json.ts";
import { envelope, Flag } from "../../wire/envelope.ts";
import type { FramedCaller } from "../caller.ts";
import { whenEnded } from "../end.ts";
import { EndedInBody } from "../ended-in-body.ts";
import { sourceOf } from "../step.ts";

export function encodeStream(
  caller: FramedCaller,
  { head, messages }: RpcResponse,
  respond: (response: HttpResponse) => void,
): void {
  if (head === undefined) return whenEnded(messages, (end) => respond(encodeStreamEnd(caller, end)));
  const body = new EndedInBody(messages, endStream);
  respond({ head: { status: 200, fields: encodeHead(caller, head) }, body });
}

/** The answer to a stream that ended before it began: its status is in the body, whatever the status. */
export function encodeStreamEnd(caller: FramedCaller, end: RpcEnd): HttpResponse {
  return {
    head: { status: 200, fields: new Fields(["content-type", caller.contentType]) },
    body: sourceOf(endStream(end), Fields.empty),
  };
}

function endStream(end: RpcEnd): Uint8Array {
  return envelope(Flag.END_STREAM, encodeEndStream(end));
}

function encodeHead(caller: FramedCaller, { encoding, acceptEncoding, metadata }: RpcResponseHead): Fields {
  const flat = ["content-type", caller.contentType];
  if (encoding !== "identity") flat.push("connect-content-encoding", encoding);
  if (acceptEncoding !== undefined) flat.push("connect-accept-encoding", acceptEncoding);
  for (const item of metadata.flat) flat.push(item);
  return new Fields(flat, metadata.neverIndexed);
}
