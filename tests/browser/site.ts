/** The origins that the browser calls, and the table that leads to them. */
import { createHash } from "node:crypto";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { echo } from "../../examples/services/echo.ts";
import { httpEcho } from "../../examples/services/http-echo.ts";
import { startGrpc, startHttp } from "../../examples/services/servers.ts";
import {
  type ClusterTable,
  ClusterTableSchema,
  type CorsSchema,
  OriginProtocol,
} from "../../proto/gen/edgeway/v1/table_pb.js";
import { site } from "./chromium.ts";

export const echoService = "edgeway.examples.v1.Echo";

export interface Origins extends AsyncDisposable {
  readonly echo: number;
  readonly http: number;
}

export async function startOrigins(): Promise<Origins> {
  const grpc = await startGrpc("echo", 0, { [echoService]: echo("east", "env1") });
  const http = await startHttp("http", 0, () => httpEcho("east"));
  return {
    echo: grpc.port,
    http: http.port,
    async [Symbol.asyncDispose]() {
      await Promise.all([grpc.stop(), http.stop()]);
    },
  };
}

type CorsInit = MessageInitShape<typeof CorsSchema>;

/** Nobody listens there. */
const closedPort = 1;

/** A host for each kind of CORS, for a page of `pageOrigin`. */
export function tableFor(pageOrigin: string, { echo: grpc, http }: Origins, descriptors: Uint8Array): ClusterTable {
  const source = { kind: "HTTPRoute", namespace: "default", name: "browser" };
  const hash = createHash("sha256").update(descriptors).digest("hex");
  const route = (name: string, backend: string, cors?: CorsInit) => ({
    key: name,
    source,
    hostnames: [`${name}.${site}`],
    rules: [
      {
        filters: cors === undefined ? [] : [{ filter: { case: "cors", value: cors } as const }],
        backends: [{ target: { case: "backend", value: backend } as const, weight: 1 }],
      },
    ],
  });
  const backend = (key: string, protocol: OriginProtocol, port: number) => ({
    key,
    source,
    protocol,
    endpoints: [{ host: "127.0.0.1", port }],
    descriptors: protocol === OriginProtocol.GRPC ? hash : "",
  });
  return create(ClusterTableSchema, {
    cluster: "east",
    descriptorSets: [{ hash, fileDescriptorSet: descriptors }],
    backends: [
      backend("echo", OriginProtocol.GRPC, grpc),
      backend("http", OriginProtocol.HTTP1, http),
      backend("dead", OriginProtocol.GRPC, closedPort),
    ],
    routes: [
      route("echo", "echo", { allowOrigins: [pageOrigin], allowCredentials: true, maxAgeSeconds: 600 }),
      route("dead", "dead", { allowOrigins: [pageOrigin] }),
      route("public", "echo", { allowOrigins: ["*"], maxAgeSeconds: 600 }),
      route("others", "echo", { allowOrigins: ["https://*.example.com"] }),
      route("http", "http", { allowOrigins: [pageOrigin] }),
      route("silent", "http"),
    ],
  });
}
