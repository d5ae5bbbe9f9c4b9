/** A table of one rule: the suite's service, and what reaches it. */
import { create } from "@bufbuild/protobuf";
import { type ClusterTable, ClusterTableSchema, OriginProtocol } from "../../proto/gen/edgeway/v1/table_pb.js";

/** Sends the suite's calls to the gRPC server on `port` of this machine. */
export function tableTo(port: number): ClusterTable {
  const service = "connectrpc.conformance.v1.ConformanceService";
  const source = { kind: "GRPCRoute", namespace: "default", name: "conformance" };
  return create(ClusterTableSchema, {
    cluster: "conformance",
    routes: [
      {
        key: "GRPCRoute/default/conformance",
        source,
        rules: [
          {
            matches: [{ path: { case: "grpcMethod", value: { service, method: "" } } }],
            backends: [{ target: { case: "backend", value: "default/conformance:1" }, weight: 1 }],
          },
        ],
      },
    ],
    backends: [
      {
        key: "default/conformance:1",
        source: { kind: "Service", namespace: "default", name: "conformance" },
        protocol: OriginProtocol.GRPC,
        endpoints: [{ host: "127.0.0.1", port }],
      },
    ],
  });
}
