/**
 * Connect's answers to unary calls (connectrpc.com/docs/protocol, Unary-Response). Status and trailers come before the
 * message, so the whole answer is held until the origin has ended it.
 */
import { CallError } from "../../call/error.ts";
import { Fields } from "../../call/fields.ts";
import type { Sink } from "../../call/flow.ts";
import type { HttpResponse } from "../../call/http.ts";
import type { RpcEnd, RpcResponse, RpcResponseHead } from "../../call/rpc.ts";
import { Code } from "../../call/status.ts";
import { encodeConnectError } from "../../wire/connect-json.ts";
import { EnvelopeSplitter, Flag } from "../../wire/envelope.ts";
import { Gatherer } from "../../wire/gather.ts";
import { httpStatusOf } from "../../wire/http-status.ts";
import type { ConnectGetCaller, ConnectUnaryCaller } from "../caller.ts";
import { endOf } from "../end.ts";
import { maxMessageBytes } from "../limits.ts";
import { sourceOf } from "../step.ts";

type Caller = ConnectUnaryCaller | ConnectGetCaller;
type Respond = (response: HttpResponse) => void;

export function encodeUnary(caller: Caller, response: RpcResponse, respond: Respond): void {
  response.messages.pipe(new UnaryAnswer(caller, response, respond));
}

/** The answer of a call that failed, with the HTTP status of its code unless `status` is another. */
export function encodeUnaryError(end: RpcEnd, head?: RpcResponseHead, status = httpStatusOf(end.code)): HttpResponse {
  const body = encodeConnectError(end);
  const flat = ["content-type", "application/json", "content-length", String(body.length)];
  return { head: { status, fields: withMetadata(flat, head, end) }, body: sourceOf(body, Fields.empty) };
}

function withMetadata(flat: string[], head: RpcResponseHead | undefined, end: RpcEnd): Fields {
  for (const item of head?.metadata.flat ?? []) flat.push(item);
  for (const [name, value] of end.metadata) flat.push(`trailer-${name}`, value);
  return new Fields(flat, head?.metadata.neverIndexed);
}

class UnaryAnswer implements Sink<RpcEnd> {
  readonly #caller: Caller;
  readonly #response: RpcResponse;
  /** Undefined once it was called. */
  #respond: Respond | undefined;
  readonly #splitter: EnvelopeSplitter;
  readonly #message = new Gatherer();
  #messages = 0;
  #flags = 0;

  constructor(caller: Caller, response: RpcResponse, respond: Respond) {
    this.#caller = caller;
    this.#response = response;
    this.#respond = respond;
    this.#splitter = new EnvelopeSplitter({
      begin: (flags, length) => this.#begin(flags, length),
      piece: (bytes) => {
        if (this.#respond !== undefined) this.#message.add(bytes);
      },
      complete() {},
    });
  }

  #begin(flags: number, length: number): void {
    this.#messages++;
    this.#flags = flags;
    if (this.#messages > 1) this.#refuse(Code.UNIMPLEMENTED, "a unary call was answered with several messages");
    else if (length > maxMessageBytes) {
      this.#refuse(
        Code.RESOURCE_EXHAUSTED,
        `the answer has ${length} bytes, more than the ${maxMessageBytes} it may have`,
      );
    } else if ((flags & Flag.COMPRESSED) !== 0 && this.#response.head?.encoding === "identity") {
      this.#refuse(Code.INTERNAL, "the answer is compressed, but does not say how");
    }
  }

  #refuse(code: Code, message: string): void {
    const error = new CallError(code, message, { side: "origin" });
    this.#response.messages.cancel(error);
    this.fail(error);
  }

  write(bytes: Uint8Array): void {
    this.#splitter.push(bytes);
    if (this.#respond !== undefined) this.#response.messages.consumed(bytes.length);
  }

  end(end: RpcEnd): void {
    const { head } = this.#response;
    if (end.code !== Code.OK) return this.#answer(encodeUnaryError(end, head));
    if (this.#messages === 0) {
      return this.fail(
        new CallError(Code.UNIMPLEMENTED, "a unary call was answered without a message", { side: "origin" }),
      );
    }
    if (!this.#splitter.atBoundary) {
      return this.fail(new CallError(Code.INTERNAL, "the answer broke off within a message", { side: "origin" }));
    }
    this.#answer(this.#success(end));
  }

  fail(error: CallError): void {
    this.#answer(encodeUnaryError(endOf(error), this.#response.head, error.httpStatus));
  }

  #success(end: RpcEnd): HttpResponse {
    const { head } = this.#response;
    const message = this.#message.take();
    const flat = ["content-type", this.#caller.contentType, "content-length", String(message.length)];
    if ((this.#flags & Flag.COMPRESSED) !== 0) flat.push("content-encoding", head?.encoding ?? "identity");
    if (head?.acceptEncoding !== undefined) flat.push("accept-encoding", head.acceptEncoding);
    return { head: { status: 200, fields: withMetadata(flat, head, end) }, body: sourceOf(message, Fields.empty) };
  }

  #answer(response: HttpResponse): void {
    const respond = this.#respond;
    this.#respond = undefined;
    respond?.(response);
  }
}
