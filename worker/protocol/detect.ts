/**
 * Tells the protocols apart, by method, content type and Connect's own headers alone, so that it can be done before a
 * route is looked for. A pure function of the head: the same head may share one outcome.
 */
import { CallError } from "../call/error.ts";
import type { RequestHead } from "../call/http.ts";
import { Recent } from "../call/recent.ts";
import type { RpcRequestHead } from "../call/rpc.ts";
import { Code } from "../call/status.ts";
import type { Accepted, AcceptedHttp, AcceptedRpc, Refused } from "./accepted.ts";
import type { Caller, RpcCaller } from "./caller.ts";
import {
  acceptGet,
  acceptStream,
  acceptUnary,
  getCaller,
  getQuery,
  streamCaller,
  unaryCaller,
} from "./connect/accept.ts";
import { essence } from "./content-type.ts";
import { hasForwarding } from "./forwarding.ts";
import { acceptGrpc, grpcCaller } from "./grpc/accept.ts";
import { acceptGrpcWeb, grpcWebCaller } from "./grpc-web/accept.ts";
import { httpCaller } from "./http/accept.ts";

/**
 * What `head` asks for. A listener without trailer fields (`trailers` false: anything behind a fetch handler) cannot
 * serve native gRPC, so what comes to it under gRPC's content type is taken for gRPC-Web: Cloudflare's front sends that.
 */
export function detect(head: RequestHead, trailers = true): Accepted {
  const memory = trailers ? detected : detectedWithoutTrailers;
  return memory.get(head) ?? memory.set(head, detectAnew(head, trailers));
}

/** Heads that come again are often one object: see the memory of HTTP/2's header blocks. */
const detected = new Recent<RequestHead, Accepted>();
const detectedWithoutTrailers = new Recent<RequestHead, Accepted>();

function detectAnew(head: RequestHead, trailers: boolean): Accepted {
  const type = essence(head.fields.get("content-type") ?? "");
  const grpc = grpcCaller(type, head.fields);
  if (grpc !== undefined) {
    const caller: RpcCaller = trailers ? grpc : { ...grpc, protocol: "grpc-web" };
    return call(head, caller, () => acceptGrpc(head, grpc));
  }
  const web = grpcWebCaller(type, head.fields);
  if (web !== undefined) return call(head, web, () => acceptGrpcWeb(head, web));
  const stream = streamCaller(type, head.fields);
  if (stream !== undefined) return call(head, stream, () => acceptStream(head, stream));
  if (head.method === "GET") return detectGet(head);
  return detectUnary(head, type);
}

/** What says that it is Connect, or has the type that only Connect uses, is a call; JSON may be one. */
function detectUnary(head: RequestHead, type: string): Accepted {
  const unary = unaryCaller(type, head.fields);
  const certain = head.fields.has("connect-protocol-version") || type === "application/proto";
  if (unary !== undefined) {
    if (!certain && head.method !== "POST") return http(head);
    const accepted = call(head, unary, () => acceptUnary(head, unary));
    return certain ? accepted : http(head, accepted);
  }
  if (!certain) return http(head);
  return head.method === "POST" ? refused(httpCaller(head), unsupportedMediaType(head)) : wrongMethod(head);
}

function detectGet(head: RequestHead): Accepted {
  const query = getQuery(head.path);
  const get = query === undefined ? undefined : getCaller(query, head.fields);
  if (query === undefined || get === undefined) return http(head);
  const accepted = attempt(get, () => acceptGet(head, get, query));
  return query.connect === undefined ? http(head, accepted) : accepted;
}

function http(head: RequestHead, orRpc?: AcceptedRpc | Refused): AcceptedHttp {
  return { kind: "http", caller: httpCaller(head), orRpc };
}

/** Calls but Connect's GETs are all POSTs. */
function call(head: RequestHead, caller: RpcCaller, accept: () => RpcRequestHead): AcceptedRpc | Refused {
  return head.method === "POST" ? attempt(caller, accept) : wrongMethod(head);
}

function attempt(caller: RpcCaller, accept: () => RpcRequestHead): AcceptedRpc | Refused {
  try {
    const head = accept();
    return { kind: "rpc", caller, head, forwarding: hasForwarding(head.metadata) };
  } catch (error) {
    if (error instanceof CallError) return refused(caller, error);
    throw error;
  }
}

function refused(caller: Caller, error: CallError): Refused {
  return { kind: "refused", caller, error };
}

function wrongMethod(head: RequestHead): Refused {
  const message = `a call is made with POST, not ${head.method}`;
  return refused(httpCaller(head), new CallError(Code.UNKNOWN, message, { side: "caller", httpStatus: 405 }));
}

/** What answers a request of no RPC protocol whose route leads to a gRPC backend. */
export function unsupportedMediaType(head: RequestHead): CallError {
  const type = head.fields.get("content-type") ?? "";
  const message = `"${type}" is no content type of gRPC, gRPC-Web or Connect: for JSON send content-type: application/json`;
  return new CallError(Code.UNKNOWN, message, { side: "caller", httpStatus: 415 });
}
