/** Records for the tests of this folder, in few words. */
import type { CallRecord } from "./call.ts";

/** A call of gRPC that went well, unless `init` says otherwise. */
export function record(init: Partial<CallRecord> = {}): CallRecord {
  return {
    time: 1_700_000_000_000,
    protocol: "grpc",
    httpMethod: "POST",
    authority: "a.test",
    path: "/a.S/M",
    revision: "7",
    rule: { cluster: "east", kind: "GRPCRoute", namespace: "default", name: "r", ruleIndex: 0 },
    backend: "east/default/a:80",
    endpoint: "10.0.0.1:80",
    attempts: 1,
    httpStatus: 200,
    grpcStatus: 0,
    requestBytes: 10,
    responseBytes: 20,
    headMs: 1,
    durationMs: 3,
    side: undefined,
    reason: undefined,
    trace: undefined,
    ...init,
  };
}
