/** Tables of one rule with what a test needs of it. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type BackendSchema,
  type ClusterTable,
  ClusterTableSchema,
  OriginProtocol,
  type RuleSchema,
} from "../../proto/gen/edgeway/v1/table_pb.js";

export interface Part {
  readonly cluster: string;
  readonly endpoints: readonly { readonly host: string; readonly port: number }[];
  readonly failover?: number;
  readonly rule?: Pick<MessageInitShape<typeof RuleSchema>, "retry" | "filters">;
  readonly backend?: Pick<MessageInitShape<typeof BackendSchema>, "connectTimeoutMs">;
}

/** Sends every call of `cluster` to `endpoints`. */
export function tableOf({ cluster, endpoints, failover = 0, rule = {}, backend = {} }: Part): ClusterTable {
  return create(ClusterTableSchema, {
    cluster,
    backends: [
      {
        key: "default/echo:1",
        source: { kind: "Service", namespace: "default", name: "echo" },
        protocol: OriginProtocol.GRPC,
        endpoints: [...endpoints],
        ...backend,
      },
    ],
    routes: [
      {
        key: "GRPCRoute/default/echo",
        source: { kind: "GRPCRoute", namespace: "default", name: "echo" },
        failover,
        rules: [{ backends: [{ target: { case: "backend", value: "default/echo:1" }, weight: 1 }], ...rule }],
      },
    ],
  });
}
