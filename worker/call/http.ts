/** HTTP as every host and transport of Edgeway speaks it: plain data, with bodies as flows. */
import type { CallError } from "./error.ts";
import { Fields } from "./fields.ts";
import type { Sink, Source } from "./flow.ts";

export interface RequestHead {
  readonly method: string;
  readonly scheme: "http" | "https";
  /** Host, with the port if it was given. Empty if the caller sent none. */
  readonly authority: string;
  /** Path and query, as received. */
  readonly path: string;
  readonly fields: Fields;
  /**
   * Asks that the connection be a WebSocket's from here on (RFC 6455 section 4.1). If the answer is 101 it is, and both
   * bodies are what is sent on it; any other answer is one like others.
   */
  readonly upgrade?: "websocket" | undefined;
}

export interface ResponseHead {
  /** A final status, 200 to 599, or 101 to a request with `upgrade`: other interim answers never get this far. */
  readonly status: number;
  readonly fields: Fields;
}

/** The status to go by: one beyond 599 is invalid, and counts as a server's error (RFC 9110 section 15). */
export function knownStatus(status: number): number {
  return status > 599 ? 500 : status;
}

/** A body of bytes, ended by its trailer fields. */
export type Body = Source<Fields>;

/** What a body is written to. */
export type BodySink = Sink<Fields>;

export interface HttpRequest {
  readonly head: RequestHead;
  /** {@link noBody} itself if it is known to be empty, so that the head can end the stream. */
  readonly body: Body;
}

export interface HttpResponse {
  readonly head: ResponseHead;
  /** {@link noBody} itself if it is known to be empty and without trailers. */
  readonly body: Body;
}

/** A whole answer of the edge's own, in HTTP's terms. */
export interface TextAnswer {
  readonly status: number;
  /** Without content-length. */
  readonly fields: Fields;
  readonly text: string;
}

/** Where the answer to one request goes: exactly one of the two is called, once. */
export interface Answer {
  respond(response: HttpResponse): void;
  /** No answer will come. Once `respond` was called, the response's body carries failure instead. */
  fail(error: CallError): void;
}

/** The one who asked is gone, or out of time. Idempotent; harmless when the exchange is over. */
export type Cancel = (reason: CallError) => void;

/** Anything that answers requests: a connection to an origin, a pool, the gateway, the admin app. */
export type Handler = (request: HttpRequest, answer: Answer) => Cancel;

/** The body that is empty. */
export const noBody: Body = {
  pipe: (sink) => sink.end(Fields.empty),
  consumed() {},
  cancel() {},
};
