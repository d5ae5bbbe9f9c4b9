import { type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import type { CallOptions, Client, StreamRequest, UnaryRequest } from "@connectrpc/connect";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { compressionGzip, createConnectTransport } from "@connectrpc/connect-node";
import type { Delta, Issue, PushRequestSchema, PushResponse } from "../proto/gen/edgeway/v1/sync_pb.js";
import { DeltaSchema, RefusalSchema, SyncService } from "../proto/gen/edgeway/v1/sync_pb.js";
import type { ClusterTable } from "../proto/gen/edgeway/v1/table_pb.js";
import { ClusterTableSchema } from "../proto/gen/edgeway/v1/table_pb.js";
import { deltaBetween } from "./delta.ts";
import { unreachable } from "./unreachable.ts";

/** A push that takes longer has failed. */
const TIMEOUT_MS = 10_000;

export type PushOutcome =
  /** The edge has this table. `sent` is undefined when it had it before. */
  | ({ readonly kind: "accepted"; readonly sent: "whole" | "delta" | undefined } & Accepted)
  /** The edge found the table wrong, and would again. */
  | { readonly kind: "refused"; readonly reason: string; readonly issues: readonly Issue[] }
  /** It may work later. */
  | { readonly kind: "failed"; readonly reason: string };

/** What became of a report to the edge. */
export type Heartbeat =
  /** The edge has what it was sent. */
  | { readonly kind: "current" }
  /** It no longer has. */
  | { readonly kind: "stale" }
  /** It did not answer, or did not take the report. */
  | { readonly kind: "failed"; readonly reason: string };

interface Accepted {
  /** The first that the edge serves it in. */
  readonly revision: bigint;
  /** Routes that the cluster was not granted: the edge leaves them out. */
  readonly withheld: readonly Issue[];
}

/**
 * What the edge knows the agent by. A function is asked for each request, and gets its body before compression: tokens
 * that Kubernetes mounts are replaced, and others are made for one request.
 */
export type Token = string | ((body: Uint8Array) => Promise<string>);

/** `edgeUrl`: without path. `onBytes`: told the size of each message that is sent. */
export function connectEdge(
  edgeUrl: string,
  token: Token,
  onBytes: (bytes: number) => void = () => {},
): Client<typeof SyncService> {
  const transport = createConnectTransport({
    baseUrl: new URL("/_edgeway", edgeUrl).href,
    httpVersion: "1.1",
    defaultTimeoutMs: TIMEOUT_MS,
    sendCompression: {
      ...compressionGzip,
      async compress(message) {
        const compressed = await compressionGzip.compress(message);
        onBytes(compressed.length);
        return compressed;
      },
    },
    // Of every message, so that every one is counted.
    compressMinBytes: 0,
    interceptors: [
      (next) => async (request) => {
        request.header.set("authorization", `Bearer ${await tokenFor(request, token)}`);
        return await next(request);
      },
    ],
  });
  return createClient(SyncService, transport);
}

async function tokenFor(request: UnaryRequest | StreamRequest, token: Token): Promise<string> {
  if (typeof token === "string") return token;
  return token(request.stream ? new Uint8Array(0) : toBinary(request.method.input, request.message));
}

/** Pushes one cluster's table, and remembers what the edge has, so as to send only what changed. */
export class Pusher {
  readonly #client: Pick<Client<typeof SyncService>, "push" | "status">;
  readonly #now: () => number;
  #base: ({ readonly table: ClusterTable } & Accepted) | undefined;
  readonly #onOverwritten: (revision: bigint) => void;
  /** When the last push was made, or one later. */
  #issuedMillis = 0;
  #pushing = false;

  /**
   * @param now Unix milliseconds
   * @param onOverwritten called with the revision that the edge has in place of the last that was pushed here
   */
  constructor(
    client: Pick<Client<typeof SyncService>, "push" | "status">,
    now: () => number = Date.now,
    onOverwritten: (revision: bigint) => void = () => {},
  ) {
    this.#client = client;
    this.#now = now;
    this.#onOverwritten = onOverwritten;
  }

  /**
   * Reports to the edge; undefined where a push has to tell, now or next, what the edge has. Never throws. An edge that no longer
   * has what it was sent, as it lost it or someone else wrote this cluster's part, is sent the whole by the next push; one
   * that does not answer is not known to have lost anything.
   */
  async heartbeat(cluster: string, signal?: AbortSignal): Promise<Heartbeat | undefined> {
    const base = this.#base;
    if (base === undefined) return undefined;
    const options = signal === undefined ? {} : { signal };
    const revision = await this.#revision(cluster, options).catch((error: unknown) => ConnectError.from(error));
    // A push that was answered meanwhile knows better, and one under way will.
    if (this.#base !== base || this.#pushing) return undefined;
    if (revision instanceof ConnectError) return { kind: "failed", reason: reasonOf(revision) };
    if (revision === base.revision) return { kind: "current" };
    this.#base = undefined;
    if (revision !== undefined) this.#onOverwritten(revision);
    return { kind: "stale" };
  }

  /** The cluster's at the edge, if it has one. */
  async #revision(cluster: string, options: CallOptions): Promise<bigint | undefined> {
    const { clusters } = await this.#client.status({ cluster }, options);
    return clusters.find((status) => status.cluster === cluster)?.revision;
  }

  /** The next push is whole. */
  forget(): void {
    this.#base = undefined;
  }

  /** Never throws. Not to be called again before it has answered. */
  async push(table: ClusterTable, signal?: AbortSignal): Promise<PushOutcome> {
    this.#pushing = true;
    try {
      return await this.#push(table, signal === undefined ? {} : { signal });
    } finally {
      this.#pushing = false;
    }
  }

  async #push(table: ClusterTable, options: CallOptions): Promise<PushOutcome> {
    const base = this.#base;
    const delta = base && deltaBetween(base.table, base.revision, table);
    if (base !== undefined && delta === undefined) {
      const { revision, withheld } = base;
      return { kind: "accepted", revision, withheld, sent: undefined };
    }
    const asDelta = delta !== undefined && isSmaller(delta, table);
    try {
      const update = asDelta ? { case: "delta" as const, value: delta } : { case: "whole" as const, value: table };
      const { revision, withheld } = await this.#send(table.cluster, update, options);
      this.#base = { table, revision, withheld };
      return { kind: "accepted", revision, withheld, sent: asDelta ? "delta" : "whole" };
    } catch (thrown) {
      const error = ConnectError.from(thrown);
      if (error.code === Code.InvalidArgument) {
        const issues = error.findDetails(RefusalSchema).flatMap((refusal) => refusal.issues);
        return { kind: "refused", reason: error.rawMessage, issues };
      }
      // Whether the edge has this table or the one before is not known: the whole settles it.
      this.#base = undefined;
      if (error.code !== Code.FailedPrecondition || !asDelta) return { kind: "failed", reason: reasonOf(error) };
      const revision = await this.#revision(table.cluster, options).catch(() => undefined);
      if (revision !== undefined && revision !== base?.revision) this.#onOverwritten(revision);
      return await this.#push(table, options);
    }
  }

  /**
   * Each push is later than the one before, also than the last of another agent of this cluster, whose clock may be
   * ahead: the edge refuses what comes again.
   */
  async #send(
    cluster: string,
    update: MessageInitShape<typeof PushRequestSchema>["update"],
    options: CallOptions,
  ): Promise<PushResponse> {
    const send = (): Promise<PushResponse> => {
      this.#issuedMillis = Math.max(this.#now(), this.#issuedMillis + 1);
      return this.#client.push({ ...(update && { update }), issuedMillis: BigInt(this.#issuedMillis) }, options);
    };
    try {
      return await send();
    } catch (error) {
      const { code, cause } = ConnectError.from(error);
      // A connection that broke has the same code, and the edge may have taken what was sent.
      if (code !== Code.Aborted || unreachable(cause) !== undefined) throw error;
      const { clusters } = await this.#client.status({ cluster }, options);
      const last = clusters.find((status) => status.cluster === cluster)?.issuedMillis ?? 0n;
      this.#issuedMillis = Math.max(this.#issuedMillis, Number(last));
      return await send();
    }
  }
}

/** In one line, and equal for what means the same. */
function reasonOf(error: ConnectError): string {
  const { code, cause, rawMessage } = error;
  const why = unreachable(cause);
  if (why !== undefined) return why;
  switch (code) {
    case Code.Unimplemented:
      return `there is no sync service (${rawMessage}): is this the edge's admin address?`;
    case Code.Unauthenticated:
      return `the agent's token is refused: ${rawMessage}`;
    case Code.DeadlineExceeded:
      return `no answer within ${TIMEOUT_MS / 1000} s`;
    default:
      // Of the agent's own, such as a token that cannot be read, the code says nothing.
      return cause instanceof Error ? rawMessage : error.message;
  }
}

/** What changes little of a table is taken to be smaller than the table, without measuring both. */
function isSmaller(delta: Delta, table: ClusterTable): boolean {
  const changes =
    delta.routes.length + delta.removedRoutes.length + delta.backends.length + delta.removedBackends.length;
  if (changes * 4 < table.routes.length + table.backends.length) return true;
  return toBinary(DeltaSchema, delta).length < toBinary(ClusterTableSchema, table).length;
}
