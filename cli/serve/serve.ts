/** Everything that `edgeway serve` runs, and how it hangs together. */
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import type { Handler } from "../../worker/call/http.ts";
import { fetchHandler } from "../../worker/host/fetch-handler.ts";
import { listen, type Listener } from "../../worker/host/node-listener.ts";
import { newTlsFailures, type TlsFailures } from "../../worker/host/node-tls-failures.ts";
import { processState } from "../../worker/host/process-state.ts";
import { Processes } from "../../worker/observe/processes.ts";
import { readCertificate } from "./certificate-files.ts";
import { CertificateWatch } from "./certificate-watch.ts";
import { type Edge, startEdge } from "./edge.ts";
import { type Home, openHome } from "./home.ts";
import type { Address, CertificateFiles, ServeOptions } from "./options.ts";
import { Workers } from "./workers.ts";

export interface Serve {
  /** Those of `http`, then those of `https`. */
  readonly ports: readonly number[];
  readonly adminPort: number | undefined;
  /** Whether there was any at start, from files or of the table. */
  readonly hasCertificate: boolean;
  /** Reads the files again, and puts new workers in the place of the old. */
  reload(): Promise<void>;
  /** Takes no more connections, and resolves when the calls under way have ended, or their time is over. */
  drain(): Promise<void>;
  /** Cuts the calls under way, so that draining comes to its end. */
  end(): void;
}

export interface ServeContext {
  readonly syncToken: string | undefined;
  readonly log: (line: string) => void;
}

/** @throws Error in one line if a port is taken, or a file cannot be read or written; then nothing is left running */
export async function startServe(options: ServeOptions, { syncToken, log }: ServeContext): Promise<Serve> {
  const running = new AsyncDisposableStack();
  let changed = (): void => {};
  const tlsFailures = newTlsFailures();
  const processes = new Processes(() => processState(tlsFailures));
  const watch = new CertificateWatch({ now: Date.now, log });
  const readFile = ({ chain, ...files }: CertificateFiles): void =>
    watch.setFile(chain, readCertificate({ chain, ...files }).cert);
  try {
    if (options.certificate !== undefined) readFile(options.certificate);
    const home = openHome({
      data: options.data,
      clusters: options.clusters,
      staleMs: options.staleMs,
      syncToken,
      log,
      onChange: () => changed(),
      processes: () => ({ ...processes.view(), certificates: watch.ends() }),
    });
    running.defer(() => home.close());
    const admin = fetchHandler(home.admin);
    const context = { home, admin, log, processes, tlsFailures };
    const calls = options.workers === 0 ? await alone(options, context) : await many(options, context);
    running.defer(() => calls.drain());
    changed = () => {
      calls.swap(home.table());
      if (options.https.length > 0) watch.setPushed(home.certificates());
    };
    changed();
    const own = options.admin && (await listen({ ...options.admin, handlerFor: () => admin }));
    if (own !== undefined) running.defer(() => own.close());
    running.defer(() => home.release());
    return {
      ports: calls.ports,
      adminPort: own?.port,
      hasCertificate: options.certificate !== undefined || home.certificates().length > 0,
      async reload() {
        if (options.certificate !== undefined) readFile(options.certificate); // what is wrong is said once, not by each
        watch.repeat();
        await calls.reload();
      },
      drain: () => running.disposeAsync(),
      end: () => calls.end(),
    };
  } catch (error) {
    await running.disposeAsync();
    throw error;
  }
}

/** Who takes the calls. */
interface Calls {
  readonly ports: readonly number[];
  swap(table: Uint8Array): void;
  reload(): Promise<void>;
  drain(): Promise<void>;
  end(): void;
}

/** What those who take the calls have to do with. */
interface CallsContext extends Pick<ServeContext, "log"> {
  readonly home: Home;
  readonly admin: Handler;
  readonly processes: Processes;
  /** Of this process. */
  readonly tlsFailures: TlsFailures;
}

async function alone(serve: ServeOptions, { home, admin, log, tlsFailures }: CallsContext): Promise<Calls> {
  const edge: Edge = await startEdge({
    serve,
    table: home.table(),
    descriptorSet: (hash) => home.descriptorSet(hash),
    admin: serve.admin === undefined ? admin : undefined,
    log,
    tlsFailures,
    report: (report) => home.traffic.add(report),
  });
  return {
    ports: edge.ports,
    swap: (table) => edge.swap(table),
    reload: async () => edge.reload(),
    end: () => void edge.close(),
    async drain() {
      const timer = setTimeout(() => void edge.close(), serve.drainMs);
      await edge.drain();
      clearTimeout(timer);
    },
  };
}

async function many(serve: ServeOptions, { home, admin, log, processes }: CallsContext): Promise<Calls> {
  const inside: Listener = await listen({ host: "127.0.0.1", port: 0, handlerFor: () => admin });
  const own = { ...serve, http: await settled(serve.http), https: await settled(serve.https) };
  const start = () => ({ kind: "start", serve: own, table: home.table(), adminPort: inside.port }) as const;
  const workers = new Workers({
    count: serve.workers,
    start,
    log,
    traffic: home.traffic,
    processes,
  });
  const drain = async (): Promise<void> => {
    await workers.drain();
    await inside.close();
  };
  try {
    const ports = await workers.start();
    return {
      ports,
      swap: (table) => workers.send({ kind: "table", table }),
      reload: () => workers.replace(),
      drain,
      end: () => workers.end(),
    };
  } catch (error) {
    await drain();
    throw error;
  }
}

/** The addresses with a free port where any will do: workers come and go, and all listen on the same. */
function settled(addresses: readonly Address[]): Promise<Address[]> {
  return Promise.all(
    addresses.map(async ({ host, port }) => {
      if (port !== 0) return { host, port };
      const server = createServer().listen(0, host);
      await once(server, "listening");
      const found = (server.address() as AddressInfo).port;
      server.close();
      await once(server, "close");
      return { host, port: found };
    }),
  );
}
