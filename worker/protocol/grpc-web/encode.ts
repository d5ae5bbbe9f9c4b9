/**
 * gRPC-Web's requests to origins and answers to callers (grpc/doc/PROTOCOL-WEB.md). An answer's status always goes in one
 * trailer frame of the body, also where gRPC would send Trailers-Only: Cloudflare's front and some clients look for it
 * nowhere else, and a second, empty frame behind a status among the headers hides that status (traefik issue 13842).
 */
import { Fields } from "../../call/fields.ts";
import type { HttpResponse, RequestHead } from "../../call/http.ts";
import type { RpcEnd, RpcRequestHead, RpcResponse } from "../../call/rpc.ts";
import { encodeBase64Bytes } from "../../wire/base64.ts";
import { encodeGrpcEnd } from "../../wire/grpc-end.ts";
import { encodeTrailerFrame } from "../../wire/web-trailer.ts";
import type { FramedCaller } from "../caller.ts";
import { whenEnded } from "../end.ts";
import { EndedInBody } from "../ended-in-body.ts";
import { encodeCallFields, encodeHead, type Target } from "../grpc/encode.ts";
import { sourceOf } from "../step.ts";

/** The call as an origin gets it: gRPC's, under another content type. Its messages are gRPC's, too. */
export function encodeRequest(head: RpcRequestHead, { scheme, authority }: Target): RequestHead {
  const fields = encodeCallFields(["content-type", `application/grpc-web+${head.codec}`, "x-grpc-web", "1"], head);
  return { method: "POST", scheme, authority, path: head.path, fields };
}

export function encodeResponse(
  caller: FramedCaller,
  { head, messages }: RpcResponse,
  respond: (response: HttpResponse) => void,
): void {
  if (head === undefined) return whenEnded(messages, (end) => respond(encodeTrailersOnly(caller, end)));
  const body = new EndedInBody(messages, trailerFrame, textEncoding(caller));
  respond({ head: { status: 200, fields: encodeHead(caller, head) }, body });
}

export function encodeTrailersOnly(caller: FramedCaller, end: RpcEnd): HttpResponse {
  const frame = trailerFrame(end);
  return {
    head: { status: 200, fields: new Fields(["content-type", caller.contentType]) },
    body: sourceOf(textEncoding(caller)?.(frame) ?? frame, Fields.empty),
  };
}

function trailerFrame(end: RpcEnd): Uint8Array {
  return encodeTrailerFrame(encodeGrpcEnd(end));
}

/** Each piece of a text is padded to stand alone, so that a caller can decode what it has (PROTOCOL-WEB.md allows it). */
function textEncoding(caller: FramedCaller): ((bytes: Uint8Array) => Uint8Array) | undefined {
  return caller.protocol === "grpc-web-text" ? encodeBase64Bytes : undefined;
}
