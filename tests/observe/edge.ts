/** Edgeway on Node with all that observes calls, before the examples' echo, and a stand-in for a collector. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { echo } from "../../examples/services/echo.ts";
import { startGrpc } from "../../examples/services/servers.ts";
import { compile } from "../../routes/compile.ts";
import { decode } from "../../routes/decode.ts";
import { createAdmin } from "../../worker/admin/admin.ts";
import { createConsole } from "../../worker/admin/console.ts";
import { fetchHandler } from "../../worker/host/fetch-handler.ts";
import { startNodeEdge } from "../../worker/host/node.ts";
import { consoleAsset } from "../../worker/host/console-files.ts";
import { observeProcess } from "../../worker/host/process-observe.ts";
import { Traffic } from "../../worker/observe/traffic.ts";
import { descriptorsFrom } from "../../worker/transcode/cache.ts";
import { descriptorSet } from "../browser/chromium.ts";
import { serviceName } from "../contract/clients.ts";
import { tableTo } from "../edges/table.ts";

export const token = "a-token-of-the-console";

export interface ObservedEdge {
  readonly url: string;
  /** Asks below /_edgeway. */
  ask(path: string, token?: string): Promise<Response>;
  /** Lines of the access log so far. */
  readonly lines: readonly string[];
  /** Spans that the collector got so far. */
  readonly spans: readonly any[];
  close(): Promise<void>;
}

export async function startObservedEdge(): Promise<ObservedEdge> {
  const origin = await startGrpc("echo", 0, { [serviceName]: echo("east", "env1") });
  const spans: any[] = [];
  const collector = createServer((request, response) => {
    void text(request).then((body) => {
      spans.push(...JSON.parse(body).resourceSpans[0].scopeSpans[0].spans);
      response.end("{}");
    });
  }).listen(0, "127.0.0.1");
  await once(collector, "listening");

  const clusterTable = tableTo(serviceName, origin.port, descriptorSet());
  const { part, issues } = decode(clusterTable);
  if (part === undefined) throw new Error(JSON.stringify(issues));
  const table = compile([part], 7n);
  const lines: string[] = [];
  const traffic = new Traffic(Date.now);
  const read = (hash: string) => clusterTable.descriptorSets.find((set) => set.hash === hash)?.fileDescriptorSet;
  const console = createConsole({
    token,
    table: () => table,
    authority: () => ({
      clusters: [],
      withheld: [],
      pushes: { counts: { accepted: 2, refused: { INVALID_ARGUMENT: 1 } }, recent: [] },
    }),
    traffic: (since) => traffic.view(since),
    descriptors: descriptorsFrom(read),
    asset: consoleAsset,
    now: Date.now,
  });
  const admin = createAdmin({ sync: undefined, console });
  const edge = await startNodeEdge({
    listeners: [{ host: "127.0.0.1", port: 0 }],
    table: () => table,
    descriptorSet: read,
    admin: fetchHandler((request) => admin.fetch(request)),
    inspectToken: token,
    observe: observeProcess({
      settings: {
        EDGEWAY_ACCESS_LOG: "1",
        OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(collector.address() as AddressInfo).port}`,
      },
      source: "test",
      report: (report) => traffic.add(report),
      writeLine: (line) => lines.push(line),
    }),
  });
  const url = `http://127.0.0.1:${edge.ports[0]}`;
  return {
    url,
    lines,
    spans,
    ask: (path, shown = token) => fetch(`${url}/_edgeway${path}`, { headers: { authorization: `Bearer ${shown}` } }),
    async close() {
      await edge.close();
      await origin.stop();
      collector.closeAllConnections();
      collector.close();
    },
  };
}
