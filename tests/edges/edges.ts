/** Edgeway on each of its hosts, for tests that are the same on all of them. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { toJsonString } from "@bufbuild/protobuf";
import { startFront } from "../../cli/dev/front/front.ts";
import { http1Client } from "../../cli/dev/front/http1-client.ts";
import { connectEdge, Pusher } from "../../kube-sync/push.ts";
import { type ClusterTable, ClusterTableSchema } from "../../proto/gen/edgeway/v1/table_pb.js";
import { compile } from "../../routes/compile.ts";
import { decode } from "../../routes/decode.ts";
import type { ClusterPart } from "../../routes/model.ts";
import { startNodeEdge } from "../../worker/host/node.ts";
import { Certificates } from "../../worker/host/node-certificates.ts";
import { deno, denoRun } from "./deno.ts";

/** A certificate and its key, PEM. */
export interface Credentials {
  readonly cert: string;
  readonly key: string;
}

export interface EdgeUnderTest {
  readonly port: number;
  /** For native gRPC, where that has a port of its own. */
  readonly grpcPort?: number;
  /** Puts a cluster's part in the place of the one it had. */
  readonly apply: (part: ClusterTable) => Promise<void>;
  close(): Promise<void>;
}

/**
 * Starts an edge on a free port of 127.0.0.1, in the clear if `tls` is undefined.
 *
 * @param others the parts of further clusters
 */
export type StartEdge = (
  table: ClusterTable,
  tls: Credentials | undefined,
  others?: readonly ClusterTable[],
) => Promise<EdgeUnderTest>;

function partOf(message: ClusterTable): ClusterPart {
  const decoded = decode(message);
  if (decoded.issues !== undefined) throw new Error(JSON.stringify(decoded.issues));
  return decoded.part;
}

export const edges: Readonly<Record<string, StartEdge>> = {
  async node(clusterTable, tls, others = []) {
    const parts = new Map([clusterTable, ...others].map((part) => [part.cluster, partOf(part)]));
    let table = compile([...parts.values()]);
    const certificates = tls && { certificates: new Certificates(tls) };
    const edge = await startNodeEdge({
      listeners: [{ host: "127.0.0.1", port: 0, ...certificates }],
      table: () => table,
      descriptorSet: (hash) => clusterTable.descriptorSets.find((set) => set.hash === hash)?.fileDescriptorSet,
    });
    return {
      port: edge.ports[0]!,
      async apply(part) {
        parts.set(part.cluster, partOf(part));
        table = compile([...parts.values()]);
      },
      close: () => edge.close(),
    };
  },

  /** As `npm start` runs it: workerd, and Cloudflare's front before it. */
  async workerd(clusterTable, tls, others = []) {
    const { startWorkerd } = await import("../../cli/dev/workerd.ts");
    const token = "conformance";
    const workerd = await startWorkerd({ secrets: { EDGEWAY_SYNC_TOKEN: token }, log: console.error });
    const client = http1Client(workerd.host, workerd.port);
    const front = await startFront({ worker: client.handler, tlsPort: 0, clearPort: 0 });
    if (tls !== undefined) front.setCertificates([{ hostnames: [], chainPem: tls.cert, keyPem: tls.key }]);
    const apply = async (part: ClusterTable): Promise<void> => {
      const pusher = new Pusher(connectEdge(`http://${workerd.host}:${workerd.port}`, token));
      const { kind, ...outcome } = await pusher.push(part);
      if (kind !== "accepted") throw new Error(`the table was ${kind}: ${JSON.stringify(outcome)}`);
    };
    // oxlint-disable-next-line no-await-in-loop -- one part after the other
    for (const part of [clusterTable, ...others]) await apply(part);
    return {
      port: tls === undefined ? front.clearPort : front.tlsPort,
      apply,
      async close() {
        await front.close();
        client.close();
        await workerd.close();
      },
    };
  },

  async deno(clusterTable, tls, others = []) {
    const script = fileURLToPath(new URL("deno-edge.ts", import.meta.url));
    const child = spawn(deno, [...denoRun, script], { stdio: ["pipe", "pipe", "inherit"] });
    const tables = [clusterTable, ...others].map((part) => toJsonString(ClusterTableSchema, part));
    child.stdin.write(`${JSON.stringify({ tables, tls })}\n`);
    const exited = once(child, "exit").then(([code]) => Promise.reject(new Error(`Deno exited with ${String(code)}`)));
    const lines = createInterface(child.stdout);
    const said = async (): Promise<string> => ((await Promise.race([once(lines, "line"), exited])) as [string])[0];
    const [port, grpcPort] = (await said()).split(" ").map(Number);
    return {
      port: port!,
      grpcPort: grpcPort!,
      async apply(part) {
        child.stdin.write(`${toJsonString(ClusterTableSchema, part)}\n`);
        await said();
      },
      async close() {
        child.kill();
        await exited.catch(() => {}); // as was wished
      },
    };
  },
};
