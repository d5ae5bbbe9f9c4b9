/** Connections from Node to origins. */
import { connect as connectTls, type ConnectionOptions } from "node:tls";
import type { ByteStream } from "../call/byte-stream.ts";
import type { Dial } from "../transport/pool.ts";
import { explainTlsError, originTlsOptions } from "./node-origin-tls.ts";
import { connectTcp, nodeStream } from "./node-stream.ts";
import { OriginStream } from "./origin-stream.ts";

/** Names of protocols in TLS (RFC 7301 section 6). */
const alpn = { http1: "http/1.1", http2: "h2" } as const;

export const dial: Dial = async (endpoint) => {
  const { tls, originTls, protocol, host, port, connectTimeoutMs } = endpoint;
  const opening = tls
    ? dialTls({ host, port, ...originTlsOptions(host, originTls) }, alpn[protocol], connectTimeoutMs)
    : connectTcp({ host, port }, connectTimeoutMs);
  // What the origin says of the edge's certificate, or lack of one, comes after the handshake (TLS 1.3).
  return new OriginStream(await opening, endpoint, explainTlsError);
};

/**
 * Opens a TLS connection for `protocol`. Rejects, in a line that says what to do about it, if that fails, takes longer
 * than `timeoutMs`, or if HTTP/2 is wanted and the server does not choose it (RFC 9113 section 3.2).
 */
export function dialTls(
  options: ConnectionOptions & { readonly host: string },
  protocol: "h2" | "http/1.1",
  timeoutMs: number,
): Promise<ByteStream> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ ALPNProtocols: [protocol], ...options });
    const failed = (error: Error): void => {
      socket.destroy();
      reject(explainTlsError(error));
    };
    const late = (): void => failed(new Error(`no connection within ${timeoutMs} ms`));
    socket.setTimeout(timeoutMs, late);
    socket.once("error", failed);
    socket.once("secureConnect", () => {
      socket.setTimeout(0, late);
      if (protocol === "h2" && socket.alpnProtocol !== "h2") {
        return failed(new Error("the server does not offer HTTP/2 (ALPN)"));
      }
      socket.off("error", failed);
      resolve(nodeStream(socket));
    });
  });
}
