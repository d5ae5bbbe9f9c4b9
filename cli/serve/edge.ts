/** One process that takes calls: the listeners, and the certificates that come with the table or from files. */
import { isDeepStrictEqual } from "node:util";
import type { RouteTable } from "../../routes/model.ts";
import type { Handler } from "../../worker/call/http.ts";
import { seldom } from "../../worker/call/seldom.ts";
import { startNodeEdge } from "../../worker/host/node.ts";
import { type Certificate, Certificates } from "../../worker/host/node-certificates.ts";
import type { TlsFailures } from "../../worker/host/node-tls-failures.ts";
import { observeProcess } from "../../worker/host/process-observe.ts";
import type { TrafficReport } from "../../worker/observe/traffic.ts";
import { CompiledTable } from "../../worker/snapshot/compiled.ts";
import { readCertificate } from "./certificate-files.ts";
import type { ServeOptions } from "./options.ts";

export interface EdgeOptions {
  readonly serve: ServeOptions;
  /** In binary (edgeway.v1.Table). */
  readonly table: Uint8Array;
  readonly descriptorSet: (hash: string) => Uint8Array | undefined;
  /** Answers what is below `/_edgeway/`. */
  readonly admin: Handler | undefined;
  readonly log: (line: string) => void;
  /** Where failed handshakes of TLS are counted. */
  readonly tlsFailures: TlsFailures;
  /** Takes what was counted, if there is a console. */
  readonly report: (report: TrafficReport) => void;
}

export interface Edge {
  /** Those of `http`, then those of `https`. */
  readonly ports: readonly number[];
  /** Puts a newer table in the place of the one at hand. Calls under way keep theirs. */
  swap(table: Uint8Array): void;
  /**
   * Reads the certificate's files again.
   *
   * @throws Error in one line if they cannot be used; those before stay
   */
  reload(): void;
  /** Takes no more connections, and resolves when the calls under way have ended. */
  drain(): Promise<void>;
  close(): Promise<void>;
}

/** @throws Error in one line if a port is taken, or a certificate cannot be read */
export async function startEdge(options: EdgeOptions): Promise<Edge> {
  const { admin, descriptorSet, log, report, tlsFailures } = options;
  const consoleToken = process.env["EDGEWAY_CONSOLE_TOKEN"];
  const { http, https, proxyProtocol, certificate } = options.serve;
  const certificates = new Certificates(certificate && readCertificate(certificate));
  const compiled = new CompiledTable();
  let served: readonly Certificate[] = [];
  const swap = (bytes: Uint8Array): void => {
    compiled.swap(bytes);
    const wanted = certificatesOf(compiled.orEmpty());
    if (isDeepStrictEqual(wanted, served)) return;
    served = wanted;
    for (const problem of certificates.set(wanted)) log(problem);
  };
  const reload = (): void => {
    if (certificate !== undefined) certificates.setFallback(readCertificate(certificate));
  };
  swap(options.table);
  const edge = await startNodeEdge({
    listeners: [
      ...http.map((address) => ({ ...address, proxyProtocol })),
      ...https.map((address) => ({ ...address, proxyProtocol, certificates })),
    ],
    table: () => compiled.orEmpty(),
    descriptorSet,
    admin,
    log: seldom(log, Date.now),
    tlsFailures,
    inspectToken: consoleToken,
    observe: observeProcess({
      settings: process.env,
      source: `process ${process.pid}`,
      report: consoleToken ? report : undefined,
      writeLine: (line) => process.stdout.write(`${line}\n`),
    }),
  });
  return { ports: edge.ports, swap, reload, drain: () => edge.drain(), close: () => edge.close() };
}

function certificatesOf(table: RouteTable): Certificate[] {
  return table.parts.flatMap(({ certificates }) =>
    certificates.map(({ hostnames, chain, privateKey, clientCa, clientOptional }) => ({
      hostnames,
      chainPem: chain,
      keyPem: privateKey,
      clients: clientCa === undefined ? undefined : { caPem: clientCa, optional: clientOptional },
    })),
  );
}
