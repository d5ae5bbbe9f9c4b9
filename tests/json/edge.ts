/** `edgeway dev` with the examples on free ports, and JSON over HTTPS as any client without a schema sends it. */
import { mkdtemp, rm } from "node:fs/promises";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startDev } from "../../cli/dev/dev.ts";
import { clusterNames, startExamples } from "../../examples/services/examples.ts";
import { copyManifests } from "../dev/manifests.ts";

export interface JsonEdge {
  readonly directory: string;
  send(method: string, path: string, options?: SendOptions): Promise<Answer>;
  close(): Promise<void>;
}

export interface SendOptions {
  readonly host?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly bytes: Buffer;
  /** The bytes as text. */
  readonly body: string;
}

export async function startJsonEdge(): Promise<JsonEdge> {
  const directory = await mkdtemp(join(tmpdir(), "edgeway-json-"));
  const examples = await startExamples({ basePort: 0 });
  await copyManifests(examples, directory);
  const manifests = clusterNames.map((cluster) => ({ cluster, directory: join(directory, cluster) }));
  const dev = await startDev({ tlsPort: 0, clearPort: 0, examples: false, manifests, log: () => {} });
  return {
    directory,
    send: (method, path, options) => send(dev.tlsPort, method, path, options),
    async close() {
      await dev.close();
      await examples.close();
      await rm(directory, { recursive: true });
    },
  };
}

function send(
  port: number,
  method: string,
  path: string,
  { host = "localhost", headers = {}, body }: SendOptions = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = { host: "127.0.0.1", port, method, path, headers: { host, ...headers }, rejectUnauthorized: false };
    const sent = request(options, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const bytes = Buffer.concat(chunks);
        resolve({ status: response.statusCode!, headers: response.headers, bytes, body: bytes.toString() });
      });
    });
    sent.on("error", reject);
    sent.end(body);
  });
}
