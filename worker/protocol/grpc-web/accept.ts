/** gRPC-Web has gRPC's request headers under content types of its own (grpc/doc/PROTOCOL-WEB.md). */
import type { FramedCaller } from "../caller.ts";
import { codecOf } from "../content-type.ts";

export { acceptGrpc as acceptGrpcWeb } from "../grpc/accept.ts";

export function grpcWebCaller(contentType: string): FramedCaller | undefined {
  const text = codecOf(contentType, "application/grpc-web-text");
  if (text !== undefined) return { protocol: "grpc-web-text", contentType, codec: text };
  const codec = codecOf(contentType, "application/grpc-web");
  return codec === undefined ? undefined : { protocol: "grpc-web", contentType, codec };
}
