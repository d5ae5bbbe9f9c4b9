/** The sync service (edgeway.v1.SyncService) over Connect, gRPC-Web and gRPC, as a fetch handler. */
import { Code, ConnectError, createConnectRouter } from "@connectrpc/connect";
import { createFetchHandler } from "@connectrpc/connect/protocol";
import { type PushRequest, SyncService } from "../../proto/gen/edgeway/v1/sync_pb.js";
import { type Authority, tableOf } from "./authority.ts";

/** Bytes of one push: some 50,000 routes, or descriptor sets of the largest kind. */
const maxPushBytes = 16 * 1024 * 1024;

/** Where the service's methods stand: `${adminPath}/edgeway.v1.SyncService/METHOD`. */
export const adminPath = "/_edgeway";

export function createSyncService(authority: Authority): (request: Request) => Promise<Response> {
  const router = createConnectRouter({ readMaxBytes: maxPushBytes });
  router.service(SyncService, {
    async push(request) {
      await checkHashes(request);
      return { revision: authority.push(request) };
    },
    get({ cluster }) {
      const part = authority.get(cluster);
      if (part === undefined) throw new ConnectError(`no cluster ${cluster} has pushed`, Code.NotFound);
      return { table: tableOf(part), revision: part.revision };
    },
    status: () => ({ clusters: authority.status() }),
  });
  const handlers = new Map(
    router.handlers.map((handler) => [adminPath + handler.requestPath, createFetchHandler(handler)]),
  );
  return async (request) => {
    const handler = handlers.get(new URL(request.url).pathname);
    return handler === undefined ? new Response("no such method\n", { status: 404 }) : handler(request);
  };
}

/**
 * Descriptor sets are known by their hash alone, also to other clusters' backends: none may come under another's.
 *
 * @throws ConnectError INVALID_ARGUMENT
 */
async function checkHashes({ update }: PushRequest): Promise<void> {
  for (const { hash, fileDescriptorSet } of update.value?.descriptorSets ?? []) {
    // oxlint-disable-next-line no-await-in-loop -- one at a time in memory
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new Uint8Array(fileDescriptorSet)));
    const actual = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
    if (actual !== hash) throw new ConnectError(`descriptor set ${hash} has the hash ${actual}`, Code.InvalidArgument);
  }
}
