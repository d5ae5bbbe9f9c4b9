/** A gRPC server of the examples' echo that does as a call's metadata tells it, counting the attempts at each call. */
import { Metadata, type sendUnaryData, type ServerUnaryCall, status } from "@grpc/grpc-js";
import { echo } from "../../examples/services/echo.ts";
import { type GrpcExampleServer, startGrpc } from "../../examples/services/servers.ts";
import { serviceName } from "./clients.ts";

type Say = ServerUnaryCall<object, object>;

/**
 * Say answers with the server's name as the cluster. With the metadata `fail-first: N` the first N attempts at the call
 * (`call-id`) fail with UNAVAILABLE, and say `pushback` to whoever tries again; with `slow-first: N` they are not answered;
 * with `fail-at: NAME` those at the server of this name fail.
 *
 * @param attempts counted by call-id: give several servers one to count together
 */
export function startFlaky(name: string, attempts: Map<string, number>): Promise<GrpcExampleServer> {
  const say = (call: Say, answer: sendUnaryData<object>): void => {
    const { metadata } = call;
    const id = textOf(metadata, "call-id");
    const attempt = (attempts.get(id) ?? 0) + 1;
    attempts.set(id, attempt);
    if (attempt <= Number(textOf(metadata, "slow-first"))) return;
    if (attempt <= Number(textOf(metadata, "fail-first")) || textOf(metadata, "fail-at") === name) {
      const trailers = new Metadata();
      const pushback = textOf(metadata, "pushback");
      if (pushback !== "") trailers.set("grpc-retry-pushback-ms", pushback);
      answer({ code: status.UNAVAILABLE, details: `attempt ${attempt} fails`, metadata: trailers });
      return;
    }
    const message = textOf(metadata, "grpc-previous-rpc-attempts");
    answer(null, { message, cluster: name });
  };
  return startGrpc(name, 0, { [serviceName]: { ...echo(name, "flaky"), say } });
}

function textOf(metadata: Metadata, name: string): string {
  return String(metadata.get(name)[0] ?? "");
}
