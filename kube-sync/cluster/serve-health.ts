import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface HealthOptions {
  readonly host: string;
  /** 0 for any. */
  readonly port: number;
  /** Why it is not ready; undefined if it is. */
  readonly notReady: () => string | undefined;
  /** What else /readyz says when it is; undefined: nothing. */
  readonly remark: () => string | undefined;
  /** Prometheus' text format. */
  readonly metrics: () => string;
}

export interface HealthServer extends Disposable {
  readonly port: number;
}

/**
 * Serves /healthz, /readyz and /metrics.
 * @throws an Error in one line if it cannot listen.
 */
export async function serveHealth({ host, port, notReady, remark, metrics }: HealthOptions): Promise<HealthServer> {
  const server = createServer(({ url = "" }, answer) => {
    const say = (status: number, text: string) => {
      answer.writeHead(status, { "content-type": "text/plain; version=0.0.4; charset=utf-8" }).end(text);
    };
    const [path] = url.split("?", 1);
    if (path === "/healthz") return say(200, "ok\n");
    if (path === "/metrics") return say(200, metrics());
    if (path !== "/readyz") return say(404, "there are /healthz, /readyz and /metrics\n");
    const reason = notReady();
    if (reason !== undefined) return say(503, `${reason}\n`);
    return say(200, ["ok", remark()].flatMap((line) => (line === undefined ? [] : `${line}\n`)).join(""));
  });
  try {
    await once(server.listen(port, host), "listening");
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`cannot listen on ${host}:${port}: ${reason}`, { cause: error });
  }
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.dispose]() {
      server.close();
      server.closeAllConnections();
    },
  };
}
