import type { ClientRequest, IncomingMessage } from "node:http";
import { Agent as HttpAgent, request as httpRequest } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { Access } from "./access.ts";

/** An answer that is no success, as a Kubernetes Status tells it. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  /** HTTP. */
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export interface ApiRequest {
  readonly method?: "GET" | "POST" | "PUT" | "PATCH";
  /** Such as "/api/v1/services". */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly signal: AbortSignal;
}

/** The few verbs of the Kubernetes API that the agent needs. */
export interface KubeApi {
  /**
   * Resolves to the answer's JSON.
   * @throws ApiError, or an Error when there is no answer.
   */
  request(request: ApiRequest): Promise<unknown>;
  /**
   * Resolves once the server watches, to the events as JSON; they end when the server ends them.
   * @throws ApiError, or an Error when the connection is lost or says nothing for too long; likewise the events.
   */
  watch(request: ApiRequest): Promise<AsyncIterable<unknown>>;
  close(): void;
}

const REQUEST_MS = 30_000;
/** Servers send a bookmark each minute, so a watch without a word for this long is dead. */
const WATCH_IDLE_MS = 150_000;
const KEEP_ALIVE_MS = 15_000;
/** Of a list's page, or of one event: more than etcd would hold for it. */
const MAX_BYTES = 256 * 1024 * 1024;

/**
 * Speaks to an API server over HTTP/1.1, each watch on a connection of its own. Not by the official JavaScript client:
 * its informers know neither bookmarks nor pages nor idleness, so that of all it brings only the reading of a
 * kubeconfig would be left.
 */
export function connectApi(access: Access, { watchIdleMs = WATCH_IDLE_MS } = {}): KubeApi {
  const secure = access.server.protocol === "https:";
  const keep = { keepAlive: true, keepAliveMsecs: KEEP_ALIVE_MS };
  const agent = secure ? new HttpsAgent({ ...keep, ...access.tls }) : new HttpAgent(keep);

  async function send(request: ApiRequest, idleMs: number): Promise<IncomingMessage> {
    const token = await access.token();
    const { method = "GET", body, signal } = request;
    const outgoing = (secure ? httpsRequest : httpRequest)(urlOf(access.server, request), {
      agent,
      method,
      signal,
      headers: {
        accept: "application/json",
        "user-agent": "edgeway-kube-sync",
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { "content-type": contentType(method) }),
      },
    });
    let waitedFor: { destroy(error: Error): unknown } = outgoing;
    outgoing.setTimeout(idleMs, () => {
      waitedFor.destroy(new Error(`no word from the API server for ${idleMs} ms`));
    });
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
    const answer = await answerTo(outgoing);
    waitedFor = answer;
    if (answer.statusCode !== undefined && answer.statusCode < 300) return answer;
    throw await errorOf(answer);
  }

  return {
    request: async (request) => JSON.parse(await textOf(await send(request, REQUEST_MS))) as unknown,
    watch: async (request) => eventsOf(await send(request, watchIdleMs)),
    close: () => agent.destroy(),
  };
}

function urlOf(server: URL, { path, query = {} }: ApiRequest): URL {
  const url = new URL(server.pathname.replace(/\/$/, "") + path, server);
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  return url;
}

function contentType(method: string): string {
  return method === "PATCH" ? "application/merge-patch+json" : "application/json";
}

function answerTo(request: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => request.once("response", resolve).once("error", reject));
}

async function errorOf(answer: IncomingMessage): Promise<ApiError> {
  const text = await textOf(answer);
  let message = text.trim().slice(0, 300);
  try {
    const status: unknown = JSON.parse(text);
    if (typeof status === "object" && status !== null && "message" in status) message = String(status.message);
  } catch {
    // Not a Status: a proxy's page, perhaps.
  }
  return new ApiError(answer.statusCode ?? 0, message === "" ? `HTTP status ${answer.statusCode}` : message);
}

async function textOf(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BYTES) throw new Error(`an answer of more than ${MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** One JSON value per line. */
async function* eventsOf(answer: IncomingMessage): AsyncGenerator {
  let parts: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    let from = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, from)) {
      parts.push(chunk.subarray(from, end));
      yield JSON.parse(Buffer.concat(parts).toString());
      parts = [];
      size = 0;
      from = end + 1;
    }
    size += chunk.length - from;
    if (size > MAX_BYTES) throw new Error(`an event of more than ${MAX_BYTES} bytes`);
    parts.push(chunk.subarray(from));
  }
}
