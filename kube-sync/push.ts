import { toBinary } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import type { Issue } from "../proto/gen/edgeway/v1/sync_pb.js";
import { DeltaSchema, RefusalSchema, SyncService } from "../proto/gen/edgeway/v1/sync_pb.js";
import type { ClusterTable } from "../proto/gen/edgeway/v1/table_pb.js";
import { ClusterTableSchema } from "../proto/gen/edgeway/v1/table_pb.js";
import { deltaBetween } from "./delta.ts";

/** A push that takes longer has failed. */
const TIMEOUT_MS = 10_000;

export type PushOutcome =
  /** The edge has this table. `sent` is undefined when it had it before. */
  | { readonly kind: "accepted"; readonly revision: bigint; readonly sent: "whole" | "delta" | undefined }
  /** The edge found the table wrong, and would again. */
  | { readonly kind: "refused"; readonly reason: string; readonly issues: readonly Issue[] }
  /** It may work later. */
  | { readonly kind: "failed"; readonly reason: string };

/** `edgeUrl`: without path. `token`: as the edge knows it. */
export function connectEdge(edgeUrl: string, token: string): Client<typeof SyncService> {
  const transport = createConnectTransport({
    baseUrl: new URL("/_edgeway", edgeUrl).href,
    httpVersion: "1.1",
    defaultTimeoutMs: TIMEOUT_MS,
    interceptors: [
      (next) => (request) => {
        request.header.set("authorization", `Bearer ${token}`);
        return next(request);
      },
    ],
  });
  return createClient(SyncService, transport);
}

/** Pushes one cluster's table, and remembers what the edge has, so as to send only what changed. */
export class Pusher {
  readonly #client: Pick<Client<typeof SyncService>, "push" | "status">;
  #base: { readonly table: ClusterTable; readonly revision: bigint } | undefined;

  constructor(client: Pick<Client<typeof SyncService>, "push" | "status">) {
    this.#client = client;
  }

  /**
   * Whether the edge no longer has what it was sent: it lost it, or someone else wrote this cluster's part. The next
   * push is whole then. Never throws; an edge that does not answer is not known to have lost anything.
   */
  async isStale(cluster: string, signal?: AbortSignal): Promise<boolean> {
    const base = this.#base;
    if (base === undefined) return false;
    try {
      const { clusters } = await this.#client.status({}, signal === undefined ? {} : { signal });
      const revision = clusters.find((status) => status.cluster === cluster)?.revision;
      // A push that was answered meanwhile knows better.
      if (this.#base !== base || revision === base.revision) return false;
    } catch {
      return false;
    }
    this.#base = undefined;
    return true;
  }

  /** Never throws. Not to be called again before it has answered. */
  async push(table: ClusterTable, signal?: AbortSignal): Promise<PushOutcome> {
    const base = this.#base;
    const delta = base && deltaBetween(base.table, base.revision, table);
    if (base !== undefined && delta === undefined)
      return { kind: "accepted", revision: base.revision, sent: undefined };
    const asDelta =
      delta !== undefined && toBinary(DeltaSchema, delta).length < toBinary(ClusterTableSchema, table).length;
    try {
      const { revision } = await this.#client.push(
        { update: asDelta ? { case: "delta", value: delta } : { case: "whole", value: table } },
        signal === undefined ? {} : { signal },
      );
      this.#base = { table, revision };
      return { kind: "accepted", revision, sent: asDelta ? "delta" : "whole" };
    } catch (thrown) {
      const error = ConnectError.from(thrown);
      if (error.code === Code.InvalidArgument) {
        const issues = error.findDetails(RefusalSchema).flatMap((refusal) => refusal.issues);
        return { kind: "refused", reason: error.rawMessage, issues };
      }
      // Whether the edge has this table or the one before is not known: the whole settles it.
      this.#base = undefined;
      if (error.code === Code.FailedPrecondition && asDelta) return await this.push(table, signal);
      return { kind: "failed", reason: error.message };
    }
  }
}
