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

  interface TlsOptions {
    readonly alpnProtocols: readonly string[];
    /** PEM, beside the runtime's own roots. */
    readonly caCerts?: readonly string[];
  }

  interface ClientCertificate {
    /** PEM. */
    readonly cert?: string;
    /** PEM. */
    readonly key?: string;
  }

  function connect(options: Address): Promise<Conn>;
  function connectTls(options: Address & TlsOptions & ClientCertificate): Promise<TlsConn>;
  /** Over `connection`, which nobody else uses from now on. `hostname` is the name that is asked for and checked. */
  function startTls(connection: Conn, options: TlsOptions & { readonly hostname: string }): Promise<TlsConn>;

  function addSignalListener(signal: string, handler: () => void): void;

  type KvKey = readonly (string | number)[];

  interface KvEntry<T> {
    readonly key: KvKey;
    /** Null where there is none. */
    readonly value: T | null;
    readonly versionstamp: string | null;
  }

  interface KvAtomic {
    check(...entries: readonly { readonly key: KvKey; readonly versionstamp: string | null }[]): KvAtomic;
    set(key: KvKey, value: unknown): KvAtomic;
    delete(key: KvKey): KvAtomic;
    commit(): Promise<{ readonly ok: true; readonly versionstamp: string } | { readonly ok: false }>;
  }

  interface Kv {
    get<T>(key: KvKey): Promise<KvEntry<T>>;
    list<T>(selector: { readonly prefix: KvKey }): AsyncIterable<KvEntry<T>>;
    atomic(): KvAtomic;
    watch(keys: readonly KvKey[]): ReadableStream<readonly KvEntry<unknown>[]>;
    close(): void;
  }

  /** On Deno Deploy, and elsewhere with --unstable-kv. */
  const openKv: ((path?: string) => Promise<Kv>) | undefined;
}
