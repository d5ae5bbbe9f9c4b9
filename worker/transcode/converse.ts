/**
 * How one call is spoken between its caller and its origin: as it came where both know that, from one protocol to the
 * other, and translated where the caller's messages are JSON and the backend's descriptors say what they are in protobuf.
 */
import type { DescMethod } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { CallError } from "../call/error.ts";
import type { Body, HttpResponse, RequestHead, ResponseHead } from "../call/http.ts";
import type { RpcRequestHead } from "../call/rpc.ts";
import { Code } from "../call/status.ts";
import { type Compressions, webCompressions } from "../protocol/compression.ts";
import { codecOf, essence } from "../protocol/content-type.ts";
import {
  type Caller,
  decodeRequest,
  detect,
  encodeCall,
  encodeFailure,
  encodeMessages,
  encodeRequest,
  type OriginCall,
  passesAsItIs,
  passResponse,
  translateResponse,
  unsupportedMediaType,
} from "../protocol/index.ts";
import type { Conversation, PlannedCall, Refusal } from "./conversation.ts";
import type { Descriptors } from "./descriptors.ts";
import { converseRest } from "./rest/conversation.ts";
import { encodingOf, TranslatedConversation, type TranslatedOptions } from "./translated.ts";

/**
 * @param descriptors those that the call names, if they could be had
 * @param compressions those of the host
 */
export function converse(
  call: PlannedCall,
  descriptors: Descriptors | undefined,
  compressions: Compressions = webCompressions,
): Conversation | Refusal {
  if (call.translation === undefined) return untranslated(call, undefined, compressions);
  if (descriptors === undefined) {
    const message = `the edge has not got the descriptors of backend ${call.backend}`;
    return refuse(call.caller, new CallError(Code.UNAVAILABLE, message, { side: "edge" }));
  }
  const { caller, head, timeoutMs, originProtocol } = call;
  if (caller.protocol === "http") return converseHttp(call, descriptors, call.translation.orHttp, compressions);
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

/** In the caller's own codec. */
function untranslated(call: PlannedCall, method: DescMethod | undefined, compressions: Compressions): Conversation {
  return passesAsItIs(call.originProtocol, call.caller)
    ? new PassedConversation(call)
    : new PlainConversation(call, originCall(call, method), compressions);
}

/**
 * Connect's unary calls are not spoken as its streams are. Where neither the caller nor a descriptor tells which it is, the
 * call is taken for a unary one, as most are: a second message is then refused.
 */
function originCall({ originProtocol, caller }: PlannedCall, method: DescMethod | undefined): OriginCall {
  if (originProtocol !== "connect") return originProtocol;
  const stream = caller.protocol === "connect-stream" || (method !== undefined && method.methodKind !== "unary");
  return stream ? "connect-stream" : "connect-unary";
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

function refuse(caller: Caller, error: CallError): Refusal {
  return { head: undefined, refusal: encodeFailure(caller, error), error };
}

function rpcHead(rpc: RpcRequestHead, { scheme, authority }: RequestHead): RequestHead {
  return encodeRequest(rpc, { scheme, authority });
}

function noMapping({ head, backend }: PlannedCall): CallError {
  const message = `backend ${backend} has no method for ${head.method} ${head.path}: it takes gRPC, gRPC-Web and Connect, and what its google.api.http options describe`;
  return new CallError(Code.UNIMPLEMENTED, message, { side: "caller", httpStatus: 404 });
}

/** Why plain HTTP cannot go to a gRPC backend without descriptors. */
export function noDescriptors(backend: string): CallError {
  return unimplemented(`backend ${backend} takes gRPC, gRPC-Web and Connect, and has no descriptors for REST`);
}

function unimplemented(why: string): CallError {
  const help =
    "let its server answer gRPC reflection, or annotate its Service with edgeway.dev/descriptors, the name of a ConfigMap that holds a descriptor set";
  return new CallError(Code.UNIMPLEMENTED, `${why}: ${help}`, { side: "edge" });
}

/**
 * Whether an origin that was sent JSON answers as one that knows only protobuf: by HTTP status, or in gRPC of another
 * codec with messages, or with the status that servers give for a message they cannot read.
 */
function refusesJson({ status, fields }: ResponseHead): boolean {
  if (status === 415) return true;
  const codec = codecOf(essence(fields.get("content-type") ?? ""), "application/grpc");
  if (status !== 200 || codec === undefined || codec === "json") return false;
  const end = fields.get("grpc-status");
  return end === undefined || end === String(Code.INTERNAL) || end === String(Code.UNKNOWN);
}

/** The caller and the origin understand each other. */
class PassedConversation implements Conversation {
  readonly head: RequestHead;
  readonly timeoutMs: number | undefined;
  readonly #caller: Caller;

  constructor({ head, timeoutMs, caller }: PlannedCall) {
    this.head = head;
    this.timeoutMs = timeoutMs;
    this.#caller = caller;
  }

  request(body: Body): Body {
    return body;
  }

  answer(response: HttpResponse, respond: (response: HttpResponse) => void): void {
    respond(passResponse(response));
  }

  failure(error: CallError): HttpResponse {
    return encodeFailure(this.#caller, error);
  }
}

/** Messages pass in the caller's own codec. */
class PlainConversation implements Conversation {
  readonly head: RequestHead;
  readonly timeoutMs: number | undefined;
  readonly #call: PlannedCall;
  readonly #origin: OriginCall;
  readonly #compressions: Compressions;

  constructor(call: PlannedCall, origin: OriginCall, compressions: Compressions) {
    this.head = encodeCall(origin, call.head);
    this.timeoutMs = call.timeoutMs;
    this.#call = call;
    this.#origin = origin;
    this.#compressions = compressions;
  }

  request(body: Body): Body {
    const { caller, head } = this.#call;
    return encodeMessages(this.#origin, decodeRequest(caller, body), encodingOf(head), this.#compressions);
  }

  answer(response: HttpResponse, respond: (response: HttpResponse) => void): void {
    const { caller } = this.#call;
    if (caller.protocol !== "http" && caller.codec === "json" && refusesJson(response.head)) {
      const error = this.#noJson();
      response.body.cancel(error);
      return respond(encodeFailure(caller, error));
    }
    translateResponse(caller, response, respond, this.#origin, this.#compressions);
  }

  failure(error: CallError): HttpResponse {
    return encodeFailure(this.#call.caller, error);
  }

  #noJson(): CallError {
    const { backend, translation, head } = this.#call;
    const known = translation === undefined ? "has no descriptors" : `has descriptors without ${head.path}`;
    return unimplemented(`backend ${backend} takes no JSON, and ${known} to translate it by`);
  }
}
