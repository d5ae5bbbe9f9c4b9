/** A Worker that answers every call itself with what it brings, in gRPC-Web: what workerd and the framing cost. */
import { encodeGrpcEnd } from "../../worker/wire/grpc-end.ts";
import { encodeTrailerFrame } from "../../worker/wire/web-trailer.ts";
import { Fields } from "../../worker/call/fields.ts";

const end = encodeTrailerFrame(encodeGrpcEnd({ code: 0, message: "", details: undefined, metadata: Fields.empty }));

export default {
  async fetch(request: Request): Promise<Response> {
    const message = new Uint8Array(await request.arrayBuffer());
    const body = new Uint8Array(message.length + end.length);
    body.set(message);
    body.set(end, message.length);
    return new Response(body, { headers: { "content-type": "application/grpc-web+proto" } });
  },
};
