/**
 * The sync service (edgeway.v1.SyncService) over Connect, gRPC-Web and gRPC, as a fetch handler. Its methods stand at
 * `${adminPath}/edgeway.v1.SyncService/METHOD`.
 */
import {
  Code,
  ConnectError,
  createConnectRouter,
  createContextKey,
  createContextValues,
  type HandlerContext,
} from "@connectrpc/connect";
import {
  universalServerRequestFromFetch,
  universalServerResponseToFetch,
  type UniversalHandler,
} from "@connectrpc/connect/protocol";
import { codeToHttpStatus, errorToJson } from "@connectrpc/connect/protocol-connect";
import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type ClusterStatusSchema,
  type ForgetResponseSchema,
  type GetResponseSchema,
  type PushRequest,
  type PushResponseSchema,
  type StatusResponseSchema,
  SyncService,
} from "../../proto/gen/edgeway/v1/sync_pb.js";
import { seldom } from "../call/seldom.ts";
import { adminPath } from "./admin-path.ts";
import type { Authenticate, Identity } from "./authenticate.ts";
import type { Authority, ClusterState, Pushed } from "./authority.ts";
import { tableOf, withoutKeys } from "./part.ts";
import type { PushLog } from "./pushes.ts";
import { Refused } from "./refused.ts";
import { passOver, readBody } from "./request-body.ts";

/** Bytes of one push: some 50,000 routes, or descriptor sets of the largest kind. */
const maxPushBytes = 16 * 1024 * 1024;

/** What is needed of an authority, also of one that has to ask others. */
export interface SyncAuthority extends Pick<Authority, "get" | "status"> {
  push(request: PushRequest): Pushed | Promise<Pushed>;
  report(cluster: string): void | Promise<void>;
  forget(cluster: string): void | Promise<void>;
}

export interface SyncOptions {
  readonly authority: SyncAuthority;
  readonly authenticate: Authenticate;
  /** Is told of each push. */
  readonly pushes?: PushLog;
  /** Gets a line for each push that is refused, and seldom one for those who proved to be nobody's agent. */
  readonly log?: (line: string) => void;
  /** Milliseconds. */
  readonly now?: () => number;
}

const identityKey = createContextKey<Identity | undefined>(undefined);

export function createSyncService(options: SyncOptions): (request: Request) => Promise<Response> {
  const methods = new Methods(options);
  const router = createConnectRouter({ readMaxBytes: maxPushBytes });
  router.service(SyncService, {
    push: (request, context) => methods.push(request, identityOf(context)),
    get: ({ cluster }, context) => methods.get(cluster, identityOf(context)),
    status: ({ cluster }, context) => methods.status(cluster, identityOf(context)),
    forget: ({ cluster }, context) => methods.forget(cluster, identityOf(context)),
  });
  const handlers = new Map(router.handlers.map((handler) => [adminPath + handler.requestPath, handler]));
  return async (request) => {
    const handler = handlers.get(new URL(request.url).pathname);
    if (handler === undefined) return new Response("no such method\n", { status: 404 });
    try {
      const identity = await options.authenticate(request.headers.get("authorization"));
      // The whole before anything of it is read: whoever has captured a token must not have another body taken for its own.
      const body = await readBody(request, maxPushBytes);
      await identity.confirm(body);
      return await handle(handler, request, body, identity);
    } catch (error) {
      methods.refused(undefined, error);
      await passOver(request);
      return answerOf(error);
    }
  };
}

/** The handler gets the body uncompressed, and by whom it is. */
async function handle(
  handler: UniversalHandler,
  request: Request,
  body: Uint8Array,
  identity: Identity,
): Promise<Response> {
  const { url, method, signal } = request;
  const headers = new Headers(request.headers);
  for (const name of ["content-encoding", "content-length"]) headers.delete(name);
  const plain = new Request(url, { method, headers, signal, body: new Uint8Array(body) });
  const contextValues = createContextValues().set(identityKey, identity);
  const response = await handler({ ...universalServerRequestFromFetch(plain, {}), contextValues });
  return universalServerResponseToFetch(response);
}

function identityOf({ values }: HandlerContext): Identity {
  const identity = values.get(identityKey);
  if (identity === undefined) throw new Error("called without authentication");
  return identity;
}

/** In Connect's form, which other callers take by its HTTP status. */
function answerOf(error: unknown): Response {
  const refused = ConnectError.from(error);
  const status = codeToHttpStatus(refused.code);
  return Response.json(errorToJson(refused, undefined), {
    status,
    headers: refused.code === Code.Unauthenticated ? { "www-authenticate": "Bearer" } : {},
  });
}

class Methods {
  readonly #authority: SyncAuthority;
  readonly #pushes: PushLog | undefined;
  readonly #log: (line: string) => void;
  readonly #logAnybody: (line: string) => void;

  constructor({ authority, pushes, log = () => {}, now = Date.now }: SyncOptions) {
    this.#authority = authority;
    this.#pushes = pushes;
    this.#log = log;
    this.#logAnybody = seldom(log, now);
  }

  async push(request: PushRequest, identity: Identity): Promise<MessageInitShape<typeof PushResponseSchema>> {
    const cluster = request.update.value?.cluster ?? "";
    const before = this.#authority.get(cluster);
    try {
      checkCluster(cluster, identity);
      if (identity.cluster !== undefined && request.issuedMillis === 0n)
        throw new Refused("invalid", "issued_millis must be set");
      await checkHashes(request);
      const { revision, withheld } = await this.#authority.push(request);
      this.#pushes?.accepted(before, this.#authority.get(cluster)!);
      return { revision, withheld: [...withheld] };
    } catch (error) {
      this.refused(cluster, error);
      throw error;
    }
  }

  get(cluster: string, identity: Identity): MessageInitShape<typeof GetResponseSchema> {
    checkCluster(cluster, identity);
    const part = this.#authority.get(cluster);
    if (part === undefined) throw new ConnectError(`no cluster ${cluster} has pushed`, Code.NotFound);
    return { table: withoutKeys(tableOf(part)), revision: part.revision };
  }

  async status(cluster: string, identity: Identity): Promise<MessageInitShape<typeof StatusResponseSchema>> {
    if (cluster !== "") checkCluster(cluster, identity);
    if (cluster !== "") await this.#authority.report(cluster);
    const asked = cluster === "" ? identity.cluster : cluster;
    const clusters = this.#authority.status().filter((state) => asked === undefined || state.cluster === asked);
    return { clusters: clusters.map(statusOf) };
  }

  async forget(cluster: string, identity: Identity): Promise<MessageInitShape<typeof ForgetResponseSchema>> {
    const before = this.#authority.get(cluster);
    try {
      checkCluster(cluster, identity);
      await this.#authority.forget(cluster);
    } catch (error) {
      const why = error instanceof Refused ? error.why : "failed";
      this.#log(`refused to forget cluster ${oneLine(cluster)} (${why}): ${reasonOf(error)}`);
      throw error;
    }
    this.#log(`cluster ${oneLine(cluster)} is forgotten`);
    if (before !== undefined) this.#pushes?.forgotten(before);
    return {};
  }

  /** @param cluster whose part it would have changed; undefined: the caller could not prove to be anybody's agent */
  refused(cluster: string | undefined, error: unknown): void {
    const reason = reasonOf(error);
    const why = error instanceof Refused ? error.why : "failed";
    this.#pushes?.refused(cluster === undefined ? undefined : oneLine(cluster), why, reason);
    const got =
      error instanceof Refused && error.got !== undefined ? `: it is ${oneLine(error.got).slice(0, maxGot)}` : "";
    const said = `(${why}): ${reason}${got}`;
    if (cluster === undefined) this.#logAnybody(`refused a request ${said}`);
    else this.#log(`refused a push of cluster ${oneLine(cluster)} ${said}`);
  }
}

function statusOf(state: ClusterState): MessageInitShape<typeof ClusterStatusSchema> {
  const { cluster, revision, pushedMillis, issuedMillis, routes, backends, lastResort } = state;
  const millis = { pushedMillis: BigInt(pushedMillis), issuedMillis: BigInt(issuedMillis) };
  return { cluster, revision, ...millis, routes, backends, lastResort };
}

function reasonOf(error: unknown): string {
  return oneLine(ConnectError.from(error).rawMessage);
}

/** Text that a caller may have had a part in. */
/** Of what an agent says of itself. */
const maxGot = 200;

function oneLine(text: string): string {
  return text.slice(0, 500).replaceAll(/\p{Cc}/gu, " ");
}

function checkCluster(cluster: string, { cluster: own }: Identity): void {
  if (own === undefined || cluster === own) return;
  throw new Refused("foreign", `cluster ${own} may not have to do with another's part`);
}

/**
 * Descriptor sets are known by their hash alone, also to other clusters' backends: none may come under another's.
 *
 * @throws Refused
 */
async function checkHashes({ update }: PushRequest): Promise<void> {
  for (const { hash, fileDescriptorSet } of update.value?.descriptorSets ?? []) {
    // oxlint-disable-next-line no-await-in-loop -- one at a time in memory
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new Uint8Array(fileDescriptorSet)));
    const actual = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
    if (actual !== hash) throw new Refused("invalid", `descriptor set ${hash} has the hash ${actual}`);
  }
}
