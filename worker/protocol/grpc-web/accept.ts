/** gRPC-Web has gRPC's request headers under content types of its own (grpc/doc/PROTOCOL-WEB.md). */
import type { Fields } from "../../call/fields.ts";
import type { FramedCaller } from "../caller.ts";
import { codecOf } from "../content-type.ts";

export { acceptGrpc as acceptGrpcWeb } from "../grpc/accept.ts";

export function grpcWebCaller(contentType: string, fields: Fields): FramedCaller | undefined {
  const text = codecOf(contentType, "application/grpc-web-text");
  const codec = text ?? codecOf(contentType, "application/grpc-web");
  if (codec === undefined) return undefined;
  const protocol = text === undefined ? "grpc-web" : "grpc-web-text";
  return { protocol, contentType, codec, acceptEncoding: fields.joined("grpc-accept-encoding") };
}
