/** connect-node as a caller of the examples' echo, in each of its protocols. */
import type { DescService } from "@bufbuild/protobuf";
import { type CallOptions, createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { registry } from "../e2e/clients.ts";

export const serviceName = "edgeway.examples.v1.Echo";

export interface Speaker {
  readonly protocol: "gRPC" | "gRPC-Web" | "Connect";
  readonly httpVersion: "1.1" | "2";
  readonly json?: boolean;
}

export const speakers: readonly Speaker[] = [
  { protocol: "gRPC", httpVersion: "2" },
  { protocol: "gRPC-Web", httpVersion: "2" },
  { protocol: "gRPC-Web", httpVersion: "1.1" },
  { protocol: "Connect", httpVersion: "2" },
  { protocol: "Connect", httpVersion: "1.1" },
];

const transports = {
  gRPC: createGrpcTransport,
  "gRPC-Web": createGrpcWebTransport,
  Connect: createConnectTransport,
} as const;

/** The methods are known when the descriptors are read. */
export type EchoClient = Readonly<Record<string, (request: object, options?: CallOptions) => any>>;

/** A client of the echo behind the edge at `url`. */
export function echoClient({ protocol, httpVersion, json = false }: Speaker, url: string): EchoClient {
  const transport: Transport = transports[protocol]({
    baseUrl: url,
    httpVersion,
    useBinaryFormat: !json,
    ...(httpVersion === "2" && { idleConnectionTimeoutMs: 1000 }),
  });
  return createClient(echoService(), transport);
}

function echoService(): DescService {
  const found = registry().getService(serviceName);
  if (found === undefined) throw new Error(`the examples have no ${serviceName}`);
  return found;
}
