/** One port: HTTP/2 by Edgeway's own engine and HTTP/1.1 by node:http, over TLS or in the clear. */
import { once } from "node:events";
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type Server as HttpServer,
  type ServerOptions,
  type ServerResponse,
} from "node:http";
import { createServer as createHttpsServer, type Server as HttpsServer } from "node:https";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import type { Handler, RequestHead } from "../call/http.ts";
import { defaultLimits, type Http2Counters, type Http2Server, type Lifetime, serveHttp2 } from "../http2/index.ts";
import type { Certificates } from "./node-certificates.ts";
import { guardClients } from "./node-clients.ts";
import { serveHttp1 } from "./node-http1-server.ts";
import { isHttp2 } from "./node-preface.ts";
import { readProxyHeader } from "./node-proxy-protocol.ts";
import { nodeClock, nodeDefer } from "./node-runtime.ts";
import { nodeStream } from "./node-stream.ts";
import { type TlsFailure, tlsFailureOf, type TlsFailures } from "./node-tls-failures.ts";
import { asksForWebSocket, serveUpgrade } from "./node-upgrade.ts";

export interface ListenerOptions {
  /** An address of this machine. */
  readonly host: string;
  /** 0 for any. */
  readonly port: number;
  /** Serves TLS with these. Undefined: in the clear. */
  readonly certificates?: Certificates | undefined;
  /** Whether every connection begins with a PROXY protocol header: only behind a balancer that writes one. */
  readonly proxyProtocol?: boolean;
  /** Gets a line for each connection that is closed for lack of it. Undefined: nobody does. */
  readonly log?: ((line: string) => void) | undefined;
  /** Where passed limits of HTTP/2 are counted. Undefined: nowhere. */
  readonly http2?: Http2Counters;
  /** Where failed handshakes are counted. Undefined: nowhere. */
  readonly tlsFailures?: TlsFailures | undefined;
  /** What answers the requests of the connection from `remoteAddress`. */
  readonly handlerFor: (remoteAddress: string) => Handler;
}

export interface Listener {
  readonly port: number;
  /** Takes no more connections, and asks callers to go elsewhere; resolves once every request has been answered. */
  drain(): Promise<void>;
  /** Closes the port and every connection. */
  close(): Promise<void>;
}

const handshakeMs = 10_000;

/** Connections without a call are let go when nobody else is likely to have kept them: Envoy's default. */
const lifetime: Lifetime = { idleMs: 3_600_000, keepaliveMs: 60_000 };

/** How long node:http waits for the head of a request, and how often it looks: milliseconds. */
export type HeadPatience = Pick<Required<ServerOptions>, "headersTimeout" | "connectionsCheckingInterval">;

/** Node's own. */
const usualPatience: HeadPatience = { headersTimeout: 60_000, connectionsCheckingInterval: 30_000 };

const http1Options: ServerOptions = {
  maxHeaderSize: defaultLimits.maxHeaderListBytes,
  // A stream may last for as long as its caller likes. Node takes that for the head, too, unless headersTimeout is given.
  requestTimeout: 0,
  shouldUpgradeCallback: asksForWebSocket,
};

/** @throws Error in one line if the port is taken */
export async function listen(options: ListenerOptions, patience = usualPatience): Promise<Listener> {
  const listener = new NodeListener(options, patience);
  await listener.open();
  return listener;
}

const malformedStatus: ReadonlyMap<string, string> = new Map([
  ["HPE_HEADER_OVERFLOW", "431 Request Header Fields Too Large"],
  ["HPE_CHUNK_EXTENSIONS_OVERFLOW", "413 Content Too Large"],
  ["ERR_HTTP_REQUEST_TIMEOUT", "408 Request Timeout"],
]);

class NodeListener implements Listener {
  readonly #options: ListenerOptions;
  readonly #scheme: RequestHead["scheme"];
  readonly #server: HttpServer | HttpsServer;
  /** What listens: the server itself, or what reads PROXY protocol headers before it. */
  readonly #door: Server;
  /** Of connections through a balancer: the callers' addresses by the balancer's address and port. */
  readonly #callers = new Map<string, string>();
  /** What node:http does with a connection. */
  readonly #serveHttp1: (socket: Socket) => void;
  readonly #detach: () => void;
  readonly #handlers = new WeakMap<Socket, Handler>();
  readonly #sockets = new Set<Socket>();
  readonly #http2 = new Set<Http2Server>();
  readonly #http1 = new Set<ServerResponse>();
  #draining = false;

  constructor(options: ListenerOptions, patience: HeadPatience) {
    this.#options = options;
    const { certificates } = options;
    const secure = certificates !== undefined;
    this.#scheme = secure ? "https" : "http";
    const http1 = { ...http1Options, ...patience };
    const server = secure ? tlsServer(certificates, http1) : createHttpServer(http1);
    this.#detach = secure ? certificates.attach(server as HttpsServer) : () => {};
    const event = secure ? "secureConnection" : "connection";
    const [serve] = server.listeners(event);
    server.off(event, serve as () => void);
    this.#serveHttp1 = (socket) => void serve!.call(server, socket);
    server.on(event, (socket: TLSSocket) => this.#take(socket));
    server.on("connection", (socket: Socket) => this.#track(socket));
    server.on("clientError", refuseMalformed);
    server.on("tlsClientError", ({ code }: NodeJS.ErrnoException, { servername }: TLSSocket) => {
      const name = typeof servername === "string" ? servername : "";
      this.#failed(tlsFailureOf(code, certificates?.choose(name) !== undefined));
    });
    server.on("request", (incoming, outgoing) => this.#request(incoming, outgoing));
    server.on("upgrade", (incoming: IncomingMessage, socket: Duplex, early: Buffer) =>
      serveUpgrade(incoming, socket, early, this.#scheme, this.#handlers.get(incoming.socket)!),
    );
    this.#server = server;
    this.#door = options.proxyProtocol === true ? this.#doorBefore(server) : server;
  }

  /** What listens in the place of `server`, which looks after its connections only from "listening" until it is closed. */
  #doorBefore(server: Server): Server {
    return createServer((socket) => this.#announced(socket)).on("listening", () => server.emit("listening"));
  }

  async open(): Promise<void> {
    const { host, port } = this.#options;
    this.#door.listen(port, host);
    try {
      await once(this.#door, "listening");
    } catch (cause) {
      this.#detach();
      const taken = (cause as NodeJS.ErrnoException).code === "EADDRINUSE";
      throw taken ? new Error(`port ${port} is taken`, { cause }) : cause;
    }
  }

  get port(): number {
    return (this.#door.address() as AddressInfo).port;
  }

  /** A connection through a balancer, whose caller is told before anything else, TLS included. */
  #announced(socket: Socket): void {
    this.#track(socket);
    const key = peerOf(socket);
    socket.once("close", () => this.#callers.delete(key));
    readProxyHeader(socket, this.#options.log).then(
      (source) => {
        if (source !== undefined) this.#callers.set(key, source);
        this.#server.emit("connection", socket);
      },
      () => socket.destroy(),
    );
  }

  #callerOf(socket: Socket): string {
    return this.#callers.get(peerOf(socket)) ?? socket.remoteAddress ?? "";
  }

  #track(socket: Socket): void {
    if (this.#sockets.has(socket)) return;
    this.#sockets.add(socket);
    socket.on("error", () => {}); // "close" follows
    socket.once("close", () => this.#sockets.delete(socket));
  }

  #failed(failure: TlsFailure): void {
    const { tlsFailures } = this.#options;
    if (tlsFailures !== undefined) tlsFailures[failure]++;
  }

  /** HTTP/2 if ALPN says so (RFC 7301), or with prior knowledge (RFC 9113 section 3.3); else HTTP/1.1. */
  #take(socket: Socket | TLSSocket): void {
    const alpn = "alpnProtocol" in socket ? socket.alpnProtocol : false;
    socket.on("error", () => {}); // "close" follows
    const handler = this.#handlerOf(socket);
    if (handler === undefined) socket.destroy();
    else if (alpn === "h2") this.#serveHttp2(socket, handler);
    else if (alpn === "http/1.1") this.#take1(socket, handler);
    else {
      isHttp2(socket).then(
        (http2) => (http2 ? this.#serveHttp2(socket, handler) : this.#take1(socket, handler)),
        () => socket.destroy(),
      );
    }
  }

  /** What answers the connection's requests; undefined if its caller did not prove himself as he has to. */
  #handlerOf(socket: Socket | TLSSocket): Handler | undefined {
    const { certificates, handlerFor } = this.#options;
    const handler = handlerFor(this.#callerOf(socket));
    if (certificates === undefined) return handler;
    const guarded = guardClients(socket as TLSSocket, certificates, handler);
    if (guarded === undefined) this.#failed("client_certificate");
    return guarded;
  }

  #serveHttp2(socket: Socket, handler: Handler): void {
    const connection: Http2Server = serveHttp2(nodeStream(socket), {
      clock: nodeClock,
      defer: nodeDefer,
      lifetime,
      scheme: this.#scheme,
      ...(this.#options.http2 && { counters: this.#options.http2 }),
      handler,
      onClose: () => this.#http2.delete(connection),
    });
    this.#http2.add(connection);
    if (this.#draining) connection.drain();
  }

  #take1(socket: Socket, handler: Handler): void {
    this.#handlers.set(socket, handler);
    this.#serveHttp1(socket);
  }

  #request(incoming: IncomingMessage, outgoing: ServerResponse): void {
    if (this.#draining) outgoing.shouldKeepAlive = false;
    this.#http1.add(outgoing);
    outgoing.once("close", () => this.#http1.delete(outgoing));
    serveHttp1(incoming, outgoing, this.#scheme, this.#handlers.get(incoming.socket)!);
  }

  async drain(): Promise<void> {
    this.#draining = true;
    for (const connection of this.#http2) connection.drain();
    for (const outgoing of this.#http1) outgoing.shouldKeepAlive = false;
    await this.#closed();
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await this.#closed();
  }

  /** Resolves when the port is closed and every connection gone. */
  async #closed(): Promise<void> {
    this.#detach();
    const closed = once(this.#door, "close");
    for (const server of new Set([this.#door, this.#server])) server.close();
    await closed;
  }
}

function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

function tlsServer(certificates: Certificates, http1: ServerOptions): HttpsServer {
  return createHttpsServer({
    ...http1,
    ALPNProtocols: ["h2", "http/1.1"],
    minVersion: "TLSv1.2",
    handshakeTimeout: handshakeMs,
    // Who must have a certificate depends on the name that is asked for: guardClients sees to it.
    rejectUnauthorized: false,
    SNICallback: (serverName, done) => done(null, certificates.choose(serverName)),
  });
}

/** What node:http answers by itself, but that nothing is said to those who do not speak HTTP (RFC 9113 section 3.4). */
function refuseMalformed({ code }: NodeJS.ErrnoException, socket: Duplex): void {
  if (code === "HPE_INVALID_METHOD" || !socket.writable) socket.destroy();
  else {
    const status = malformedStatus.get(code ?? "") ?? "400 Bad Request";
    // The connection stays half open, and a socket with it, for as long as its caller likes, unless it is destroyed.
    socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\n\r\n`, () => socket.destroy());
  }
}
