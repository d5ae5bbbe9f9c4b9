/** A port of Deno's that takes HTTP/2 by Edgeway's own engine: Deno.serve has no trailers, and gRPC needs them. */
import type { Clock } from "../call/clock.ts";
import type { Handler } from "../call/http.ts";
import { type Defer, type Http2Counters, type Http2Server, type Lifetime, serveHttp2 } from "../http2/index.ts";
import { DenoStream } from "./deno-stream.ts";

export interface Http2ListenerOptions {
  /** An address of this machine. */
  readonly hostname: string;
  /** 0 for any. */
  readonly port: number;
  /** PEM; undefined: in the clear, with prior knowledge (RFC 9113 section 3.3). */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
  /** What answers the requests of the connection from `address`. */
  readonly handlerFor: (address: string) => Handler;
  readonly clock: Clock;
  readonly defer: Defer;
  /** Where passed limits are counted. */
  readonly counters: Http2Counters;
}

/** Connections without a call are let go when nobody else is likely to have kept them: Envoy's default. */
const lifetime: Lifetime = { idleMs: 3_600_000, keepaliveMs: 60_000 };

export class Http2Listener {
  readonly #options: Http2ListenerOptions;
  readonly #listener: Deno.Listener;
  readonly #connections = new Set<Http2Server>();
  readonly #emptied = Promise.withResolvers<void>();
  #draining = false;

  /** @throws Error if the port is taken */
  constructor(options: Http2ListenerOptions) {
    const { hostname, port, tls } = options;
    this.#options = options;
    this.#listener =
      tls === undefined
        ? Deno.listen({ hostname, port })
        : Deno.listenTls({ hostname, port, ...tls, alpnProtocols: ["h2"] });
    void this.#acceptAll();
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  async #acceptAll(): Promise<void> {
    while (!this.#draining) {
      try {
        // oxlint-disable-next-line no-await-in-loop -- one connection comes after the other
        void this.#take(await this.#listener.accept());
      } catch {
        // The listener was closed, or a connection was gone before it was taken.
      }
    }
  }

  /** Callers who do not choose HTTP/2 (ALPN, RFC 9113 section 3.2) are turned away. */
  async #take(connection: Deno.Conn): Promise<void> {
    try {
      if ("handshake" in connection) {
        const { alpnProtocol } = await (connection as Deno.TlsConn).handshake();
        if (alpnProtocol !== "h2") return connection.close();
      }
    } catch {
      return connection.close(); // the caller hears of it from TLS
    }
    this.#serve(connection);
  }

  #serve(connection: Deno.Conn): void {
    const { handlerFor, clock, defer, tls, counters } = this.#options;
    const server: Http2Server = serveHttp2(new DenoStream(connection), {
      handler: handlerFor(connection.remoteAddr.hostname),
      clock,
      defer,
      counters,
      lifetime,
      scheme: tls === undefined ? "http" : "https",
      onClose: () => {
        this.#connections.delete(server);
        this.#settle();
      },
    });
    this.#connections.add(server);
  }

  #settle(): void {
    if (this.#draining && this.#connections.size === 0) this.#emptied.resolve();
  }

  /** Takes no more connections; resolves once every call has ended. */
  async drain(): Promise<void> {
    this.#draining = true;
    this.#listener.close();
    for (const connection of this.#connections) connection.drain();
    this.#settle();
    await this.#emptied.promise;
  }
}
