/**
 * A process of the benches of gateways. The first argument says which: "load" makes calls when told to; "origin" answers
 * them, and "streams" streams; "edgeway" and "node:http2" are gateways of this project and of Node's own, the latter as little as passes calls on.
 */
import { once } from "node:events";
import {
  connect,
  createSecureServer,
  createServer as createHttp2Server,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from "node:http2";
import { createServer, type Server } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { compile } from "../../routes/compile.ts";
import { decode } from "../../routes/decode.ts";
import { startNodeEdge } from "../../worker/host/node.ts";
import { Certificates } from "../../worker/host/node-certificates.ts";
import { dialTls } from "../../worker/host/node-dial.ts";
import { connectTcp } from "../../worker/host/node-stream.ts";
import { tableTo } from "../edges/table.ts";
import { portOf } from "../http2/subjects.ts";
import { engineCaller, requestHead } from "./http2-clients.ts";
import { serveEcho } from "./http2-servers.ts";
import { serveStreams } from "./stream-flows.ts";
import { connectWeb } from "./web-client.ts";
import { type Caller, type Load, runLoad } from "./load.ts";

/** Where a gateway, or the origin, listens. */
export interface Ports {
  readonly h2c: number;
  readonly tls: number;
}

/** What a process is told when it starts. */
export interface Setting {
  /** Empty where nothing speaks TLS. */
  readonly cert: string;
  readonly key: string;
  /** The origin's port in the clear, once there is one, and the service that it has. */
  readonly origin: number;
  readonly service: string;
}

/** An order to "load". */
export interface GatewayLoad extends Load {
  readonly port: number;
  /** HTTP/2 in the clear, over TLS, or HTTP/1.1 with gRPC-Web in it. */
  readonly transport: "h2c" | "tls" | "web";
  readonly connections: number;
}

const host = "127.0.0.1";
/** The same cipher for every gateway, TLS 1.3. */
const ciphers = "TLS_AES_128_GCM_SHA256";
const connectMs = 2_000;
const maxConcurrentStreams = 256;

async function listening(server: Server | Http2Server): Promise<number> {
  server.listen(0, host);
  await once(server, "listening");
  return portOf(server);
}

async function originPorts({ cert, key }: Setting): Promise<Ports> {
  const h2c = await listening(createServer((socket) => serveEcho(socket, "http")));
  if (cert === "") return { h2c, tls: 0 };
  const secure = createTlsServer({ cert, key, ALPNProtocols: ["h2"] }, (socket) => serveEcho(socket, "https"));
  return { h2c, tls: await listening(secure) };
}

async function edgewayPorts({ cert, key, origin, service }: Setting): Promise<Ports> {
  const decoded = decode(tableTo(service, origin));
  if (decoded.issues !== undefined) throw new Error(JSON.stringify(decoded.issues));
  const table = compile([decoded.part]);
  const clear = { host, port: 0 };
  const secure = cert === "" ? [] : [{ host, port: 0, certificates: new Certificates({ cert, key }) }];
  const { ports } = await startNodeEdge({ listeners: [clear, ...secure], table: () => table });
  return { h2c: ports[0]!, tls: ports[1] ?? 0 };
}

/** Passes each call on over one connection. */
async function nodeHttp2Ports({ cert, key, origin }: Setting): Promise<Ports> {
  const upstream = connect(`http://${host}:${origin}`);
  const settings = { maxConcurrentStreams };
  const pass = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void => {
    const call = upstream.request(headers);
    let trailers: IncomingHttpHeaders = {};
    call.on("response", (head) => stream.respond(head, { waitForTrailers: true }));
    call.on("trailers", (received) => (trailers = received));
    stream.on("wantTrailers", () => stream.sendTrailers(trailers));
    stream.pipe(call);
    call.pipe(stream);
  };
  const servers = [createHttp2Server({ settings }), createSecureServer({ settings, cert, key })] as const;
  for (const server of servers) server.on("stream", pass);
  return { h2c: await listening(servers[0]), tls: await listening(servers[1]) };
}

const connections = new Map<number, Caller[]>();

async function connectCaller(port: number, transport: GatewayLoad["transport"], cert: string): Promise<Caller> {
  if (transport === "web") return connectWeb(port);
  const tls = transport === "tls";
  const stream = tls
    ? await dialTls({ host, port, ca: cert, ciphers, servername: "localhost" }, "h2", connectMs)
    : await connectTcp({ host, port }, connectMs);
  const [scheme, authority] = [tls ? "https" : "http", `localhost:${port}`] as const;
  return engineCaller(stream, (id) =>
    id === undefined
      ? requestHead(scheme, authority)
      : requestHead(scheme, authority, "x-request-id", id, "authorization", `Bearer ${id}${id}`),
  );
}

async function callers({ port, transport, connections: count }: GatewayLoad, cert: string): Promise<readonly Caller[]> {
  const open = connections.get(port) ?? [];
  connections.set(port, open);
  // One after the other: none is to be established while calls are made.
  // oxlint-disable-next-line no-await-in-loop
  while (open.length < count) open.push(await connectCaller(port, transport, cert));
  return open.slice(0, count);
}

const setting = JSON.parse(process.argv[3]!) as Setting;
const listeners: Readonly<Record<string, (setting: Setting) => Promise<Ports>>> = {
  origin: originPorts,
  streams: async () => ({ h2c: await listening(createServer(serveStreams)), tls: 0 }),
  edgeway: edgewayPorts,
  "node:http2": nodeHttp2Ports,
};

process.on("message", (order: GatewayLoad) => {
  void callers(order, setting.cert)
    .then((open) => runLoad(open, order))
    .then((result) => process.send!(result));
});
process.on("disconnect", () => process.exit());
process.send!((await listeners[process.argv[2]!]?.(setting)) ?? { h2c: 0, tls: 0 });
