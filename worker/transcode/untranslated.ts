/** Calls whose messages stay what they are: passed on as they came, or in another protocol. */
import type { DescMethod } from "@bufbuild/protobuf";
import { CallError } from "../call/error.ts";
import type { Body, HttpResponse, RequestHead, ResponseHead } from "../call/http.ts";
import { Code } from "../call/status.ts";
import type { Compressions } from "../protocol/compression.ts";
import { codecOf, essence } from "../protocol/content-type.ts";
import {
  type Caller,
  decodeRequest,
  encodeCall,
  encodeFailure,
  encodeMessages,
  type MapEnd,
  type OriginCall,
  passesAsItIs,
  passResponse,
  translateResponse,
} from "../protocol/index.ts";
import { type Conversation, encodingOf, type PlannedCall, type Refusal } from "./conversation.ts";

/** In the caller's own codec. */
export function untranslated(
  call: PlannedCall,
  method: DescMethod | undefined,
  compressions: Compressions,
): Conversation {
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

export function refuse(caller: Caller, error: CallError): Refusal {
  return { head: undefined, refusal: encodeFailure(caller, error), error };
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
export class PassedConversation implements Conversation {
  readonly head: RequestHead;
  readonly timeoutMs: number | undefined;
  readonly endsInBody = false;
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
  readonly endsInBody: boolean;
  readonly #call: PlannedCall;
  readonly #origin: OriginCall;
  readonly #compressions: Compressions;

  constructor(call: PlannedCall, origin: OriginCall, compressions: Compressions) {
    this.head = encodeCall(origin, call.head);
    this.timeoutMs = call.timeoutMs;
    this.#call = call;
    this.#origin = origin;
    this.endsInBody = origin !== "grpc";
    this.#compressions = compressions;
  }

  request(body: Body): Body {
    const { caller, head } = this.#call;
    return encodeMessages(this.#origin, decodeRequest(caller, body), encodingOf(head), this.#compressions);
  }

  answer(response: HttpResponse, respond: (response: HttpResponse) => void, ended: MapEnd): void {
    const { caller } = this.#call;
    if (caller.protocol !== "http" && caller.codec === "json" && refusesJson(response.head)) {
      const error = this.#noJson();
      response.body.cancel(error);
      return respond(encodeFailure(caller, error));
    }
    translateResponse(caller, response, respond, this.#origin, { compressions: this.#compressions, ended });
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
