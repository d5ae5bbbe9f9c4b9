/** How one call is spoken between its caller and its origin. */
import type { CallError } from "../call/error.ts";
import type { Body, HttpResponse, RequestHead } from "../call/http.ts";
import type { Caller, MapEnd, OriginProtocol } from "../protocol/index.ts";

export interface Conversation {
  /** The request as the origin gets it. */
  readonly head: RequestHead;
  /** Milliseconds until the caller's deadline. Undefined if it set none. */
  readonly timeoutMs: number | undefined;
  /** The caller's body as the origin takes it. */
  request(body: Body): Body;
  /** Whether the origin says in its answer's body how the call ended, and not in trailer fields. */
  readonly endsInBody: boolean;
  /**
   * Turns the origin's answer into the caller's. `respond` gets it, once.
   *
   * @param ended is told how the call ended if that is in the body, and may change it for the caller
   */
  answer(response: HttpResponse, respond: (response: HttpResponse) => void, ended: MapEnd): void;
  /** The answer to a call that got none from the origin, in the caller's protocol. */
  failure(error: CallError): HttpResponse;
}

/** By what a call may have to be translated. Plain data: it is part of the plan. */
export interface Translation {
  /** The hash of the backend's descriptor set. */
  readonly descriptors: string;
  /** Whether the origin takes plain HTTP too, so that a request that the descriptors do not know may be for it. */
  readonly orHttp: boolean;
}

/** What a plan says of a call. */
export interface PlannedCall {
  readonly caller: Caller;
  readonly head: RequestHead;
  readonly timeoutMs: number | undefined;
  /** What the origin speaks, where the call does not pass as it is. */
  readonly originProtocol: OriginProtocol;
  /** The backend's name, for messages. */
  readonly backend: string;
  /** Undefined: it is spoken as it came. */
  readonly translation: Translation | undefined;
}

/** The answer to a call that the origin cannot be asked. */
export interface Refusal {
  readonly head: undefined;
  readonly refusal: HttpResponse;
  /** What it says. */
  readonly error: CallError;
}

/** What the messages of a call are compressed with. */
export function encodingOf(head: RequestHead): string {
  return head.fields.get("grpc-encoding") ?? "identity";
}
