/** What Edgeway uses of Deno's namespace, typed without Deno's own globals, which contradict those of Node. */
declare namespace Deno {
  interface ServeOptions {
    readonly hostname: string;
    readonly port: number;
    /** PEM. */
    readonly cert?: string | undefined;
    /** PEM. */
    readonly key?: string | undefined;
    readonly onListen: () => void;
  }

  interface ServeInfo {
    readonly remoteAddr: { readonly hostname: string };
  }

  interface HttpServer {
    readonly addr: { readonly port: number };
    shutdown(): Promise<void>;
  }

  function serve(options: ServeOptions, handler: (request: Request, info: ServeInfo) => Promise<Response>): HttpServer;

  interface Conn {
    readonly remoteAddr: { readonly hostname: string };
    /** Fills `bytes` from its start, and says how far. Null at the end. */
    read(bytes: Uint8Array): Promise<number | null>;
    /** Writes from the start of `bytes`, and says how far. */
    write(bytes: Uint8Array): Promise<number>;
    closeWrite(): Promise<void>;
    close(): void;
    /** Connections over TLS have none. */
    setNoDelay?(): void;
  }

  interface Listener {
    readonly addr: { readonly port: number };
    /** Rejects once the listener is closed. */
    accept(): Promise<Conn>;
    close(): void;
  }

  function listen(options: Address): Listener;
  function listenTls(
    options: Address & { readonly cert: string; readonly key: string; readonly alpnProtocols: readonly string[] },
  ): Listener;

  interface TlsConn extends Conn {
    handshake(): Promise<{ readonly alpnProtocol: string | null }>;
  }

  interface Address {
    readonly hostname: string;
    readonly port: number;
  }

  function connect(options: Address): Promise<Conn>;
  function connectTls(options: Address & { readonly alpnProtocols: readonly string[] }): Promise<TlsConn>;
}
