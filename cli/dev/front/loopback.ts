import { once } from "node:events";
import type { AddressInfo, Server, Socket } from "node:net";

/** A development server is nobody else's business: it listens to this machine alone. */
const hosts = ["127.0.0.1", "::1"];

export interface Listener {
  readonly port: number;
  /** Closes the port and every connection. */
  close(): Promise<void>;
}

/**
 * Listens on one port of every loopback address that this machine has.
 *
 * @param create makes the server for one address
 * @param port 0 for any
 * @throws Error in one line if the port is taken; then nothing is left open
 */
export async function listenOnLoopback(create: () => Server, port: number): Promise<Listener> {
  const closers: (() => Promise<void>)[] = [];
  const close = async () => {
    await Promise.all(closers.map((closeServer) => closeServer()));
  };
  let bound = port;
  for (const host of hosts) {
    const server = create();
    const closeServer = trackConnections(server);
    server.listen(bound, host);
    try {
      // oxlint-disable-next-line no-await-in-loop -- the first address decides on the port
      await once(server, "listening");
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === "EADDRNOTAVAIL" || code === "EAFNOSUPPORT") continue;
      await close();
      throw new Error(code === "EADDRINUSE" ? `port ${bound} is taken` : message, { cause: error });
    }
    closers.push(closeServer);
    bound = (server.address() as AddressInfo).port;
  }
  return { port: bound, close };
}

/** Returns what closes `server` with all its connections. */
function trackConnections(server: Server): () => Promise<void> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {}); // "close" follows
    socket.once("close", () => sockets.delete(socket));
  });
  return async () => {
    for (const socket of sockets) socket.destroy();
    const closed = once(server, "close");
    server.close();
    await closed;
  };
}
