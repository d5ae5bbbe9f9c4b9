/** How calls end, for the encoders. */
import type { CallError } from "../call/error.ts";
import { Fields } from "../call/fields.ts";
import type { RpcEnd, RpcResponse } from "../call/rpc.ts";
import type { Source } from "../call/flow.ts";
import { encodeStatus, retryInfo } from "../wire/rpc-status.ts";

/** The end that tells of `error`. */
export function endOf(error: CallError): RpcEnd {
  return { code: error.code, message: error.message, details: detailsOf(error), metadata: Fields.empty };
}

/** When to try again, if the error says so. */
function detailsOf({ code, message, retryAfterMs }: CallError): Uint8Array | undefined {
  if (retryAfterMs === undefined) return undefined;
  return encodeStatus({ code, message, details: [retryInfo(retryAfterMs)] });
}

/** Waits for the end of an answer that has no messages: at once, for gRPC's Trailers-Only. */
export function whenEnded(messages: Source<RpcEnd>, use: (end: RpcEnd) => void): void {
  messages.pipe({
    write: (bytes) => messages.consumed(bytes.length),
    end: use,
    fail: (error) => use(endOf(error)),
  });
}

/** An answer that is nothing but its end: gRPC's Trailers-Only. */
export function onlyEnd(end: RpcEnd): RpcResponse {
  return { head: undefined, messages: { pipe: (sink) => sink.end(end), consumed() {}, cancel() {} } };
}

/** An answer that is nothing but a failure. */
export function onlyFailure(error: CallError): RpcResponse {
  return { head: undefined, messages: { pipe: (sink) => sink.fail(error), consumed() {}, cancel() {} } };
}
