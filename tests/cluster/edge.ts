/** A Node process's edge that agents can push to, and calls to it. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client, credentials, type ServiceError } from "@grpc/grpc-js";
import { startServe } from "../../cli/serve/serve.ts";
import { echo } from "../../examples/services/echo.ts";
import { service } from "../../examples/services/protos.ts";
import { type ExampleServer, startGrpc } from "../../examples/services/servers.ts";

export const token = "what-the-edge-knows-the-agent-by";

export interface TestEdge {
  readonly port: number;
  readonly url: string;
  close(): Promise<void>;
}

export async function startTestEdge(): Promise<TestEdge> {
  const data = await mkdtemp(join(tmpdir(), "edgeway-edge-"));
  const serve = await startServe(
    {
      http: [{ host: "127.0.0.1", port: 0 }],
      https: [],
      certificate: undefined,
      admin: undefined,
      proxyProtocol: false,
      data,
      workers: 0,
      staleMs: 300_000,
      drainMs: 0,
      clusters: undefined,
    },
    { syncToken: token, log: console.error },
  );
  const port = serve.ports[0]!;
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    async close() {
      await serve.drain();
      await rm(data, { recursive: true });
    },
  };
}

const echoService = "edgeway.examples.v1.Echo";
const { path, requestSerialize, responseDeserialize } = service(echoService)["Say"]!;

/** A gRPC server that says `name` of itself. */
export function startOrigin(name: string): Promise<ExampleServer> {
  return startGrpc(name, 0, { [echoService]: echo("east", name) });
}

/** Resolves to the name of the origin that answers a gRPC call to `host`, or to the gRPC code if none does. */
export function call(edge: TestEdge, host: string): Promise<string | number> {
  const client = new Client(`127.0.0.1:${edge.port}`, credentials.createInsecure(), {
    "grpc.use_local_subchannel_pool": 1,
    "grpc.default_authority": host,
  });
  return new Promise<string | number>((resolve) => {
    const done = (error: ServiceError | null, answer?: object) => {
      client.close();
      resolve(error === null ? String(Reflect.get(answer!, "environment")) : error.code);
    };
    client.makeUnaryRequest(path, requestSerialize, responseDeserialize, {}, { deadline: Date.now() + 5000 }, done);
  });
}
