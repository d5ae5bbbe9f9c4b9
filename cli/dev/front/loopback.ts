import { type Listener, type ListenerOptions, listen } from "../../../worker/host/node-listener.ts";

/** A development server is nobody else's business: it listens to this machine alone. */
const hosts = ["127.0.0.1", "::1"];

/**
 * Listens on one port of every loopback address that this machine has.
 *
 * @throws Error in one line if the port is taken; then nothing is left open
 */
export async function listenOnLoopback(options: Omit<ListenerOptions, "host">): Promise<Omit<Listener, "drain">> {
  const listeners: Listener[] = [];
  const close = async () => {
    await Promise.all(listeners.map((listener) => listener.close()));
  };
  let { port } = options;
  for (const host of hosts) {
    try {
      // oxlint-disable-next-line no-await-in-loop -- the first address decides on the port
      const listener = await listen({ ...options, host, port });
      listeners.push(listener);
      port = listener.port;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EADDRNOTAVAIL" || code === "EAFNOSUPPORT") continue;
      await close();
      throw error;
    }
  }
  return { port, close };
}
