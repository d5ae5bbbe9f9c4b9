/** Connections from Node to origins. */
import { isIP } from "node:net";
import { connect as connectTls, type ConnectionOptions } from "node:tls";
import type { ByteStream } from "../call/byte-stream.ts";
import type { Dial } from "../transport/pool.ts";
import { connectTcp, nodeStream } from "./node-stream.ts";

/** Milliseconds a connection may take to open. */
const connectMs = 5_000;

export const dial: Dial = ({ host, port, tls, protocol }) =>
  tls ? dialTls({ host, port, ALPNProtocols: [alpn[protocol]] }, connectMs) : connectTcp({ host, port }, connectMs);

/** Names of protocols in TLS (RFC 7301 section 6). */
const alpn = { http1: "http/1.1", http2: "h2" } as const;

/**
 * Opens a TLS connection, trusting whom Node trusts unless `options` say otherwise. Rejects if that fails, takes longer
 * than `timeoutMs`, or if HTTP/2 is wanted and the server does not choose it (ALPN, RFC 9113 section 3.2).
 */
export function dialTls(options: ConnectionOptions & { readonly host: string }, timeoutMs: number): Promise<ByteStream> {
  const { host, ALPNProtocols } = options;
  return new Promise((resolve, reject) => {
    const socket = connectTls({ ...(isIP(host) === 0 && { servername: host }), ...options });
    const failed = (error: Error): void => {
      socket.destroy();
      reject(error);
    };
    const late = (): void => failed(new Error(`no connection within ${timeoutMs} ms`));
    socket.setTimeout(timeoutMs, late);
    socket.once("error", failed);
    socket.once("secureConnect", () => {
      socket.setTimeout(0, late);
      const wanted = ALPNProtocols?.includes(alpn.http2) === true;
      if (wanted && socket.alpnProtocol !== alpn.http2) {
        return failed(new Error("the server does not offer HTTP/2 (ALPN)"));
      }
      socket.off("error", failed);
      resolve(nodeStream(socket));
    });
  });
}
