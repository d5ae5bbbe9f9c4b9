/** Calls of which the backend's descriptors tell more, and whose messages they may translate. */
import type { DescMethod } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { CallError } from "../call/error.ts";
import type { RequestHead } from "../call/http.ts";
import type { RpcRequestHead } from "../call/rpc.ts";
import { Code } from "../call/status.ts";
import { preflightOf, preflightRefused } from "../filter/cors.ts";
import type { Compressions } from "../protocol/compression.ts";
import { type Caller, detect, encodeRequest, unsupportedMediaType } from "../protocol/index.ts";
import { type Conversation, encodingOf, type PlannedCall, type Refusal } from "./conversation.ts";
import type { Descriptors } from "./descriptors.ts";
import { converseRest } from "./rest/conversation.ts";
import { TranslatedConversation, type TranslatedOptions } from "./translated.ts";
import { PassedConversation, refuse, untranslated } from "./untranslated.ts";

/** @param orHttp whether plain HTTP that is no call of theirs can go to the backend as it is */
export function converseDescribed(
  call: PlannedCall,
  descriptors: Descriptors,
  orHttp: boolean,
  compressions: Compressions,
): Conversation | Refusal {
  const { caller, head, timeoutMs, originProtocol } = call;
  if (caller.protocol === "http") return converseHttp(call, descriptors, orHttp, compressions);
  const method = descriptors.method(head.path);
  if (hasEffects(caller, method)) return refuse({ protocol: "http", bodiless: false }, postOnly());
  if (method === undefined || caller.codec !== "json" || originProtocol === "connect")
    return untranslated(call, method, compressions);
  return translated({
    caller,
    head,
    timeoutMs,
    method,
    registry: descriptors.registry,
    origin: originProtocol,
    compressions,
  });
}

function translated(options: TranslatedOptions): Conversation | Refusal {
  const { caller, compressions, head } = options;
  const encoding = encodingOf(head);
  if (encoding === "identity" || compressions.has(encoding)) return new TranslatedConversation(options);
  const known = [...compressions.keys()].join(", ");
  const message = `compression ${encoding} is not known: JSON to be translated may be compressed with ${known}`;
  return refuse(caller, new CallError(Code.UNIMPLEMENTED, message, { side: "caller" }));
}

/** What came as plain HTTP may be a call in Connect's JSON, which needs no header that says so, or one by REST. */
function converseHttp(
  call: PlannedCall,
  descriptors: Descriptors,
  orHttp: boolean,
  compressions: Compressions,
): Conversation | Refusal {
  const { head, originProtocol } = call;
  const { registry } = descriptors;
  const { path } = head;
  const query = path.indexOf("?");
  const method = descriptors.method(query < 0 ? path : path.slice(0, query));
  if (method === undefined) {
    const found = descriptors.templates.find(head.method, path);
    if (found !== undefined) return converseRest(head, found, { registry, originProtocol, compressions });
  }
  // An origin of Connect's reads JSON itself.
  if (originProtocol === "connect" || (method === undefined && orHttp)) return new PassedConversation(call);
  const accepted = detect(head);
  const rpc = accepted.kind === "http" ? accepted.orRpc : accepted;
  if (rpc === undefined) {
    const wrongType = method !== undefined && head.method === "POST";
    return refuse(call.caller, wrongType ? unsupportedMediaType(head) : noMapping(call));
  }
  if (rpc.kind === "refused") return refuse(rpc.caller, rpc.error);
  const { caller } = rpc;
  if (hasEffects(caller, method)) return refuse(call.caller, postOnly());
  const asCall = { ...call, caller, head: rpcHead(rpc.head, head), timeoutMs: rpc.head.timeoutMs };
  return method === undefined || caller.codec !== "json"
    ? untranslated(asCall, method, compressions)
    : translated({ ...asCall, caller, method, registry, origin: originProtocol, compressions });
}

/** Connect allows GET for methods without side effects only (Connect protocol, Unary-Get-Request). */
function hasEffects({ protocol }: Caller, method: DescMethod | undefined): boolean {
  const { NO_SIDE_EFFECTS } = MethodOptions_IdempotencyLevel;
  return protocol === "connect-get" && method !== undefined && method.idempotency !== NO_SIDE_EFFECTS;
}

function postOnly(): CallError {
  const message = "the method may have side effects, as its idempotency_level is not NO_SIDE_EFFECTS: use POST";
  return new CallError(Code.UNKNOWN, message, { side: "caller", httpStatus: 405 });
}

function rpcHead(rpc: RpcRequestHead, { scheme, authority }: RequestHead): RequestHead {
  return encodeRequest(rpc, { scheme, authority });
}

function noMapping({ head, backend }: PlannedCall): CallError {
  if (preflightOf(head) !== undefined) return preflightRefused();
  const message = `backend ${backend} has no method for ${head.method} ${head.path}: it takes gRPC, gRPC-Web and Connect, and what its google.api.http options describe`;
  return new CallError(Code.UNIMPLEMENTED, message, { side: "caller", httpStatus: 404 });
}
