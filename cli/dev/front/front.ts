/**
 * Cloudflare's front, played locally: takes TLS with HTTP/2 and HTTP/1.1, and both in the clear, and passes requests to
 * the Worker, gRPC calls as gRPC-Web. workerd itself listens to HTTP/1.1 in the clear only.
 */
import { createServer as createTcpServer, type Server, type Socket } from "node:net";
import { createSecureContext, createServer as createTlsServer, type SecureContext } from "node:tls";
import { Fields } from "../../../worker/call/fields.ts";
import type { Handler } from "../../../worker/call/http.ts";
import { type Certificate, Certificates, selfSigned } from "./certificates.ts";
import { bridgeGrpc } from "./grpc-bridge.ts";
import { http1Server } from "./http1-server.ts";
import { serveHttp2 } from "./http2-server.ts";
import { listenOnLoopback } from "./loopback.ts";
import { isHttp2 } from "./preface.ts";

export interface FrontOptions {
  /** What answers: workerd, over HTTP/1.1. */
  readonly worker: Handler;
  /** 0 for any. */
  readonly tlsPort: number;
  /** 0 for any. */
  readonly clearPort: number;
}

export interface Front {
  readonly tlsPort: number;
  readonly clearPort: number;
  /** Puts these in the place of all certificates but the self-signed one. Returns a line for each unusable one. */
  setCertificates(certificates: readonly Certificate[]): string[];
  /** Closes the listeners and every connection. */
  close(): Promise<void>;
}

const handshakeTimeoutMs = 10_000;

/** @throws Error in one line if a port is taken */
export async function startFront({ worker, tlsPort, clearPort }: FrontOptions): Promise<Front> {
  const toWorker = bridgeGrpc(worker);
  const fallback = await selfSigned();
  const certificates = new Certificates(createSecureContext(fallback));

  const createTls = () => tlsServer(fallback, (serverName) => certificates.choose(serverName), toWorker);
  const tls = await listenOnLoopback(createTls, tlsPort);
  try {
    const clear = await listenOnLoopback(() => clearServer(toWorker), clearPort);
    return {
      tlsPort: tls.port,
      clearPort: clear.port,
      setCertificates: (set) => certificates.set(set),
      close: async () => {
        await Promise.all([tls.close(), clear.close()]);
      },
    };
  } catch (error) {
    await tls.close();
    throw error;
  }
}

/** HTTP/2 or HTTP/1.1, as ALPN settles (RFC 7301). */
function tlsServer(
  fallback: { cert: string; key: string },
  choose: (serverName: string) => SecureContext,
  toWorker: Handler,
): Server {
  const serveHttp1 = http1Server("https");
  const server = createTlsServer({
    ...fallback,
    ALPNProtocols: ["h2", "http/1.1"],
    minVersion: "TLSv1.2",
    handshakeTimeout: handshakeTimeoutMs,
    SNICallback: (serverName, done) => done(null, choose(serverName)),
  });
  return server.on("secureConnection", (socket) => {
    const handler = asVisitor(socket, toWorker);
    if (socket.alpnProtocol === "h2") serveHttp2(socket, "https", handler);
    else serveHttp1(socket, handler);
  });
}

/** HTTP/2 with prior knowledge (RFC 9113 section 3.3) or HTTP/1.1. */
function clearServer(toWorker: Handler): Server {
  const serveHttp1 = http1Server("http");
  return createTcpServer({ noDelay: true }, (socket) => {
    const handler = asVisitor(socket, toWorker);
    isHttp2(socket).then(
      (http2) => (http2 ? serveHttp2(socket, "http", handler) : serveHttp1(socket, handler)),
      () => socket.destroy(),
    );
  });
}

/** The fields that tell the Worker who called, and how; a caller's own are worth nothing. */
function asVisitor(socket: Socket, handler: Handler): Handler {
  const ip = socket.remoteAddress ?? "";
  return ({ head, body }, answer) => {
    const kept = [...head.fields].filter(([name]) => name !== "cf-connecting-ip" && name !== "x-forwarded-proto");
    const fields = Fields.from([...kept, ["cf-connecting-ip", ip], ["x-forwarded-proto", head.scheme]]);
    return handler({ head: { ...head, fields }, body }, answer);
  };
}
