/** Connections from Node to every origin of the table. */
import { isIP } from "node:net";
import { connect as connectTls, type ConnectionOptions } from "node:tls";
import type { ByteStream } from "../call/byte-stream.ts";
import type { Answer, Cancel, HttpRequest } from "../call/http.ts";
import type { Plan } from "../plan.ts";
import { type Dial, type Endpoint, Pool } from "../transport/pool.ts";
import { Http1Client } from "./node-http1-client.ts";
import { nodeClock, nodeDefer } from "./node-runtime.ts";
import { connectTcp, nodeStream } from "./node-stream.ts";

/** Milliseconds after which a connection without calls is closed: before most balancers on the way forget it. */
const idleMs = 60_000;
/** Milliseconds a connection may take to open. */
const connectMs = 5_000;
/** Pools beyond which those without connections are given up: endpoints come and go with their pods. */
const manyPools = 1_000;

export class NodeOrigins {
  readonly #http1 = new Http1Client();
  /** By host, then by port, with a bit for TLS. */
  readonly #pools = new Map<string, Map<number, Pool>>();
  #count = 0;

  /** Sends a request where `plan` says. */
  readonly send = (request: HttpRequest, answer: Answer, { protocol, endpoint }: Plan): Cancel => {
    if (protocol === "http1") return this.#http1.send(request, answer, endpoint);
    return this.#pool(endpoint).handle(request, answer);
  };

  #pool(endpoint: Endpoint): Pool {
    let ofHost = this.#pools.get(endpoint.host);
    const key = endpoint.port * 2 + (endpoint.tls ? 1 : 0);
    let pool = ofHost?.get(key);
    if (pool !== undefined) return pool;
    if (this.#count >= manyPools) this.#giveUpIdle();
    ofHost = this.#pools.get(endpoint.host) ?? new Map<number, Pool>();
    this.#pools.set(endpoint.host, ofHost);
    pool = new Pool(endpoint, { dial, clock: nodeClock, defer: nodeDefer, idleMs });
    ofHost.set(key, pool);
    this.#count++;
    return pool;
  }

  #giveUpIdle(): void {
    for (const [host, ofHost] of this.#pools) {
      for (const [key, pool] of ofHost) {
        if (pool.idle && ofHost.delete(key)) this.#count--;
      }
      if (ofHost.size === 0) this.#pools.delete(host);
    }
  }

  /** Ends every call and closes every connection. */
  close(): void {
    this.#http1.close();
    for (const ofHost of this.#pools.values()) for (const pool of ofHost.values()) pool.close();
    this.#pools.clear();
    this.#count = 0;
  }
}

const dial: Dial = ({ host, port, tls }) =>
  tls ? dialTls({ host, port }, connectMs) : connectTcp({ host, port }, connectMs);

/**
 * Opens a TLS connection for HTTP/2, trusting whom Node trusts unless `options` say otherwise. Rejects if that fails,
 * takes longer than `timeoutMs`, or the server does not choose HTTP/2 (ALPN, RFC 9113 section 3.2).
 */
export function dialTls(
  options: ConnectionOptions & { readonly host: string },
  timeoutMs: number,
): Promise<ByteStream> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({
      ALPNProtocols: ["h2"],
      ...(isIP(options.host) === 0 && { servername: options.host }),
      ...options,
    });
    const failed = (error: Error): void => {
      socket.destroy();
      reject(error);
    };
    const late = (): void => failed(new Error(`no connection within ${timeoutMs} ms`));
    socket.setTimeout(timeoutMs, late);
    socket.once("error", failed);
    socket.once("secureConnect", () => {
      socket.setTimeout(0, late);
      if (socket.alpnProtocol !== "h2") return failed(new Error("the server does not offer HTTP/2 (ALPN)"));
      socket.off("error", failed);
      resolve(nodeStream(socket));
    });
  });
}
