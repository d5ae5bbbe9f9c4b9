/** How the Worker reaches a backend, on workerd: by what the backend's transport says, or a refusal that names another. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startFront } from "../../cli/dev/front/front.ts";
import { http1Client } from "../../cli/dev/front/http1-client.ts";
import { startWorkerd } from "../../cli/dev/workerd.ts";
import { echo } from "../../examples/services/echo.ts";
import { type GrpcExampleServer, startGrpc } from "../../examples/services/servers.ts";
import { connectEdge, Pusher } from "../../kube-sync/push.ts";
import {
  type BackendSchema,
  ClusterTableSchema,
  OriginProtocol,
  Transport,
} from "../../proto/gen/edgeway/v1/table_pb.js";
import { type Origin, startOrigin } from "../clients/origins.ts";
import { type EchoClient, echoClient, serviceName } from "../contract/clients.ts";

const token = "transports";

let grpc: GrpcExampleServer;
let web: Origin;
let connect: Origin;
let networked: Edge;
let alone: Edge;

beforeAll(async () => {
  grpc = await startGrpc("echo", 0, { [serviceName]: echo("east", "test") });
  web = await startOrigin({ protocol: "gRPC-Web", httpVersion: "1.1" });
  connect = await startOrigin({ protocol: "Connect", httpVersion: "1.1" });
  networked = await start(["VPC_NETWORK"]);
  alone = await start([]);
}, 60_000);

afterAll(async () => {
  await Promise.all([networked.close(), alone.close(), grpc.stop(), web.close(), connect.close()]);
});

/** workerd, and Cloudflare's front before it. */
interface Edge {
  readonly port: number;
  close(): Promise<void>;
}

async function start(networks: readonly string[]): Promise<Edge> {
  const workerd = await startWorkerd({ secrets: { EDGEWAY_SYNC_TOKEN: token }, networks, log: () => {} });
  const pusher = new Pusher(connectEdge(`http://${workerd.host}:${workerd.port}`, token));
  expect(await pusher.push(table())).toMatchObject({ kind: "accepted" });
  const client = http1Client(workerd.host, workerd.port);
  const front = await startFront({ worker: client.handler, tlsPort: 0, clearPort: 0 });
  return {
    port: front.clearPort,
    async close() {
      await front.close();
      client.close();
      await workerd.close();
    },
  };
}

type BackendInit = Pick<MessageInitShape<typeof BackendSchema>, "protocol" | "http2" | "transport" | "tls">;

/** Calls with the header "to: NAME" go to that backend. */
function table() {
  const fetched = { transport: Transport.FETCH };
  const network = { transport: Transport.VPC_NETWORK, protocol: OriginProtocol.GRPC, http2: true };
  const backends: Readonly<Record<string, readonly [port: number, BackendInit]>> = {
    web: [web.port, { ...fetched, protocol: OriginProtocol.GRPC_WEB }],
    connect: [connect.port, { ...fetched, protocol: OriginProtocol.CONNECT }],
    // Nobody converts here, so that the origin has to speak what Cloudflare would convert.
    convert: [web.port, { transport: Transport.GRPC_WEB_CONVERT, protocol: OriginProtocol.GRPC, http2: true }],
    grpc: [grpc.port, { ...fetched, protocol: OriginProtocol.GRPC, http2: true }],
    both: [grpc.port, { ...fetched, protocol: OriginProtocol.HTTP2, http2: true }],
    gone: [1, { ...fetched, protocol: OriginProtocol.GRPC_WEB }],
    network: [grpc.port, network],
    "network-tls": [grpc.port, { ...network, tls: true }],
  };
  const source = { kind: "GRPCRoute", namespace: "default", name: "transports" };
  return create(ClusterTableSchema, {
    cluster: "test",
    routes: [
      {
        key: "GRPCRoute/default/transports",
        source,
        rules: Object.keys(backends).map((name) => ({
          matches: [{ headers: [{ name: "to", exact: name }] }],
          backends: [{ target: { case: "backend" as const, value: `default/${name}:1` }, weight: 1 }],
        })),
      },
    ],
    backends: Object.entries(backends).map(([name, [port, backend]]) => ({
      ...backend,
      key: `default/${name}:1`,
      source: { kind: "Service", namespace: "default", name },
      endpoints: [{ host: "127.0.0.1", port }],
    })),
  });
}

const clientOf = ({ port }: Edge, protocol: "gRPC-Web" | "Connect" = "gRPC-Web"): EchoClient =>
  echoClient({ protocol, httpVersion: "1.1" }, `http://127.0.0.1:${port}`);

const to = (name: string) => ({ headers: { to: name } });

async function failureOf(promise: Promise<unknown>): Promise<ConnectError> {
  return promise.then(
    () => {
      throw new Error("it did not fail");
    },
    (error: unknown) => ConnectError.from(error),
  );
}

describe.each([
  ["web", "gRPC-Web"],
  ["connect", "Connect"],
  ["convert", "gRPC-Web"],
  ["convert", "Connect"],
] as const)("by fetch, to %s from %s", (name, protocol) => {
  test("unary calls and server streams pass, and errors come back as they are", async () => {
    const client = clientOf(alone, protocol);
    expect(await client["say"]!({ message: "hi" }, to(name))).toMatchObject({ message: "hi" });
    const numbers: number[] = [];
    for await (const { number } of client["stream"]!({ count: 3, size: 70_000 }, to(name))) numbers.push(number);
    expect(numbers).toHaveLength(3);
    const failing = async () => {
      for await (const _ of client["fail"]!({ code: 9, message: "später" }, to(name)));
    };
    expect(await failureOf(failing())).toMatchObject({ code: Code.FailedPrecondition, rawMessage: "später" });
  });
});

test("an origin that cannot be fetched from is unavailable", async () => {
  const error = await failureOf(clientOf(alone)["say"]!({}, to("gone")));
  expect(error).toMatchObject({ code: Code.Unavailable, rawMessage: expect.stringContaining("test/default/gone:1") });
});

test("a second message is refused where Cloudflare converts unary calls and server streams only", async () => {
  const body = Buffer.concat([Buffer.from([0, 0, 0, 0, 0]), Buffer.from([0, 0, 0, 0, 0])]);
  const response = await fetch(`http://127.0.0.1:${alone.port}/${serviceName}/Collect`, {
    method: "POST",
    headers: { "content-type": "application/grpc-web+proto", to: "convert" },
    body,
  });
  const text = await response.text();
  expect(text).toContain("grpc-status:12");
  expect(text).toContain("carries unary calls and server streams only: connection and vpc-network carry all");
});

test.each(["grpc", "both"])("gRPC by fetch, to %s, is refused, and the answer says what carries it", async (name) => {
  expect(await failureOf(clientOf(alone)["say"]!({}, to(name)))).toMatchObject({
    code: Code.Unimplemented,
    rawMessage: expect.stringContaining("the transports connection, vpc-network and grpc-web-convert can"),
  });
});

test("through a network's binding every call passes", async () => {
  expect(await clientOf(networked)["say"]!({ message: "hi" }, to("network"))).toMatchObject({ message: "hi" });
});

test("a network without its binding, or with TLS, is refused before a call is sent", async () => {
  expect(await failureOf(clientOf(alone)["say"]!({}, to("network")))).toMatchObject({
    code: Code.Unavailable,
    rawMessage: expect.stringContaining("this Worker has no binding VPC_NETWORK"),
  });
  expect(await failureOf(clientOf(networked)["say"]!({}, to("network-tls")))).toMatchObject({
    code: Code.Unavailable,
    rawMessage: expect.stringMatching(
      /the transport vpc-network cannot carry: .* the transports connection, fetch and grpc-web-convert can/,
    ),
  });
});
