/** Origins, and what stands before them, that count or misbehave as a test needs it. */
import { once } from "node:events";
import { createServer as createHttp2Server, type Http2Session, type ServerHttp2Stream } from "node:http2";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

export interface Peer extends AsyncDisposable {
  /** "127.0.0.1:port". */
  readonly address: string;
}

export interface CountingProxy extends Peer {
  /** Bytes that came from the origin. */
  readonly fromOrigin: number;
  /** Breaks every connection. */
  cut(): void;
}

/** Passes connections on to `port`, at the pace of whoever reads. */
export async function countingProxy(port: number): Promise<CountingProxy> {
  const callers: Socket[] = [];
  const origins: Socket[] = [];
  const server = createServer({ noDelay: true }, (caller) => {
    const origin = connect({ port, host: "127.0.0.1", noDelay: true });
    callers.push(caller);
    origins.push(origin);
    for (const [from, to] of [
      [caller, origin],
      [origin, caller],
    ] as const) {
      from.pipe(to);
      from.on("error", () => to.destroy());
      from.on("close", () => to.destroy());
    }
  });
  const listening = await listen(server, () => [...callers, ...origins]);
  return {
    ...listening,
    get fromOrigin() {
      return origins.reduce((sum, socket) => sum + socket.bytesRead, 0);
    },
    cut() {
      for (const socket of callers) socket.resetAndDestroy();
    },
  };
}

/** An HTTP/2 server in the clear that leaves every stream to `serve`. */
export async function http2Origin(
  serve: (stream: ServerHttp2Stream, headers: Readonly<Record<string, string>>) => void,
): Promise<Peer> {
  const sessions = new Set<Http2Session>();
  const server = createHttp2Server();
  server.on("session", (session) => sessions.add(session));
  server.on("stream", (stream, headers) => {
    stream.on("error", () => {}); // the edge resets streams
    serve(stream, headers as Record<string, string>);
  });
  return listen(server, () => sessions);
}

/** Listens on a free port of 127.0.0.1 until disposed of. */
export async function listen(server: Server, open: () => Iterable<{ destroy(): void }> = () => []): Promise<Peer> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    address: `127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      for (const each of open()) each.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
