/**
 * Bytes flowing one way, pushed by whoever makes them and paid for with credit by whoever takes them.
 * Calls are synchronous, so that a whole call can cross the gateway in one tick without a promise, and so that
 * a chunk need not outlive the call that brings it.
 *
 * `E` is what the flow ends with: {@link Fields} (trailers) for an HTTP body, `RpcEnd` for an RPC answer.
 */
import type { CallError } from "./error.ts";

export interface Sink<E> {
  /** `bytes` is borrowed: it is valid until this call returns. Copy what must be kept. */
  write(bytes: Uint8Array): void;
  /** The flow is complete. Last call. */
  end(end: E): void;
  /** The flow broke off. Last call. */
  fail(error: CallError): void;
}

export interface Source<E> {
  /** Starts the flow into `sink`; called at most once. Whatever arrived before it is kept, within the source's bound. */
  pipe(sink: Sink<E>): void;
  /** `bytes` of those written to the sink have been used up: the source may bring as many again. */
  consumed(bytes: number): void;
  /** The taker wants no more. Nothing is written to the sink from here on. Idempotent; harmless after the end. */
  cancel(error: CallError): void;
}
