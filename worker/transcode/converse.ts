/**
 * How one call is spoken between its caller and its origin: in gRPC or HTTP as both know it, or translated where the
 * caller's messages are JSON and the backend's descriptors say what they are in protobuf.
 */
import { CallError } from "../call/error.ts";
import type { Body, HttpResponse, RequestHead, ResponseHead } from "../call/http.ts";
import type { RpcRequestHead } from "../call/rpc.ts";
import { Code } from "../call/status.ts";
import { webCompressions } from "../protocol/compression.ts";
import { codecOf, essence } from "../protocol/content-type.ts";
import {
  type Caller,
  decodeRequest,
  detect,
  encodeFailure,
  encodeRequest,
  translateResponse,
  unsupportedMediaType,
} from "../protocol/index.ts";
import type { Conversation, PlannedCall, Refusal } from "./conversation.ts";
import type { Descriptors } from "./descriptors.ts";
import { converseRest } from "./rest/conversation.ts";
import { encodingOf, TranslatedConversation, type TranslatedOptions } from "./translated.ts";

/** @param descriptors those that the call names, if they could be had */
export function converse(call: PlannedCall, descriptors: Descriptors | undefined): Conversation | Refusal {
  if (call.translation === undefined) return new PlainConversation(call);
  if (descriptors === undefined) {
    const message = `the edge has not got the descriptors of backend ${call.backend}`;
    return refuse(call.caller, new CallError(Code.UNAVAILABLE, message, { side: "edge" }));
  }
  const { caller, head, timeoutMs } = call;
  if (caller.protocol === "http") return converseHttp(call, descriptors, call.translation.orHttp);
  const method = descriptors.method(head.path);
  if (method === undefined) return new PlainConversation(call);
  return translated({ caller, head, timeoutMs, method, registry: descriptors.registry });
}

function translated(options: TranslatedOptions): Conversation | Refusal {
  const encoding = encodingOf(options.head);
  if (encoding === "identity" || webCompressions.has(encoding)) return new TranslatedConversation(options);
  const known = [...webCompressions.keys()].join(", ");
  const message = `compression ${encoding} is not known: JSON to be translated may be compressed with ${known}`;
  return refuse(options.caller, new CallError(Code.UNIMPLEMENTED, message, { side: "caller" }));
}

/** What came as plain HTTP may be a call in Connect's JSON, which needs no header that says so, or one by REST. */
function converseHttp(call: PlannedCall, descriptors: Descriptors, orHttp: boolean): Conversation | Refusal {
  const { head } = call;
  const { path } = head;
  const query = path.indexOf("?");
  const method = descriptors.method(query < 0 ? path : path.slice(0, query));
  if (method === undefined) {
    const found = descriptors.templates.find(head.method, path);
    if (found !== undefined) return converseRest(head, found, descriptors.registry);
  }
  if (method === undefined && orHttp) return new PlainConversation(call);
  const accepted = detect(head);
  const rpc = accepted.kind === "http" ? accepted.orRpc : accepted;
  if (rpc === undefined) {
    const wrongType = method !== undefined && head.method === "POST";
    return refuse(call.caller, wrongType ? unsupportedMediaType(head) : noMapping(call));
  }
  if (rpc.kind === "refused") return refuse(rpc.caller, rpc.error);
  const asCall = { ...call, caller: rpc.caller, head: rpcHead(rpc.head, head), timeoutMs: rpc.head.timeoutMs };
  return method === undefined || rpc.caller.codec !== "json"
    ? new PlainConversation(asCall)
    : translated({ ...asCall, caller: rpc.caller, method, registry: descriptors.registry });
}

function refuse(caller: Caller, error: CallError): Refusal {
  return { head: undefined, refusal: encodeFailure(caller, error) };
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

/** Messages pass in the caller's own codec. */
class PlainConversation implements Conversation {
  readonly head: RequestHead;
  readonly timeoutMs: number | undefined;
  readonly #call: PlannedCall;

  constructor(call: PlannedCall) {
    this.head = call.head;
    this.timeoutMs = call.timeoutMs;
    this.#call = call;
  }

  request(body: Body): Body {
    return decodeRequest(this.#call.caller, body);
  }

  answer(response: HttpResponse, respond: (response: HttpResponse) => void): void {
    const { caller } = this.#call;
    if (caller.protocol !== "http" && caller.codec === "json" && refusesJson(response.head)) {
      const error = this.#noJson();
      response.body.cancel(error);
      return respond(encodeFailure(caller, error));
    }
    translateResponse(caller, response, respond);
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
