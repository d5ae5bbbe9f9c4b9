/** A table of one rule. */
import { createHash } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { type ClusterTable, ClusterTableSchema, OriginProtocol } from "../../proto/gen/edgeway/v1/table_pb.js";

/** What the origin speaks. */
export interface OriginSpeaks {
  readonly protocol: OriginProtocol;
  /** Whether gRPC-Web and Connect are spoken over HTTP/2. */
  readonly http2: boolean;
}

/**
 * Sends the calls of `service` to the server on `port` of this machine.
 *
 * @param fileDescriptorSet what JSON is translated by; without it JSON goes to the origin as it is
 */
export function tableTo(
  service: string,
  port: number,
  fileDescriptorSet?: Uint8Array,
  { protocol, http2 }: OriginSpeaks = { protocol: OriginProtocol.GRPC, http2: true },
): ClusterTable {
  const descriptors = fileDescriptorSet && createHash("sha256").update(fileDescriptorSet).digest("hex");
  const source = { kind: "GRPCRoute", namespace: "default", name: "test" };
  return create(ClusterTableSchema, {
    cluster: "test",
    routes: [
      {
        key: "GRPCRoute/default/test",
        source,
        rules: [
          {
            matches: [{ path: { case: "grpcMethod", value: { service, method: "" } } }],
            backends: [{ target: { case: "backend", value: "default/test:1" }, weight: 1 }],
          },
        ],
      },
    ],
    ...(descriptors && { descriptorSets: [{ hash: descriptors, fileDescriptorSet }] }),
    backends: [
      {
        key: "default/test:1",
        source: { kind: "Service", namespace: "default", name: "test" },
        protocol,
        http2,
        endpoints: [{ host: "127.0.0.1", port }],
        ...(descriptors && { descriptors }),
      },
    ],
  });
}

/** Sends every call to the server on `port` of this machine, and where it is no gRPC server every other request too. */
export function anyCallTo(port: number, protocol: OriginProtocol, fileDescriptorSet?: Uint8Array): ClusterTable {
  const table = tableTo("any", port, fileDescriptorSet, { protocol, http2: protocol !== OriginProtocol.HTTP1 });
  table.routes[0]!.rules[0]!.matches = [];
  return table;
}
