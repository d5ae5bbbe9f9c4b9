/** Connect's requests to origins (connectrpc.com/docs/protocol, Unary-Request and Streaming-Request). */
import { CallError } from "../../call/error.ts";
import { Fields } from "../../call/fields.ts";
import type { Body, RequestHead } from "../../call/http.ts";
import type { RpcRequestHead } from "../../call/rpc.ts";
import { Code } from "../../call/status.ts";
import { EnvelopeSplitter, Flag } from "../../wire/envelope.ts";
import { formatConnectTimeout } from "../../wire/timeout.ts";
import type { Compressions } from "../compression.ts";
import type { Target } from "../grpc/encode.ts";
import { recode } from "../recode.ts";
import { Step } from "../step.ts";

/** The head of a stream. Its messages are gRPC's. */
export function encodeStreamRequest(head: RpcRequestHead, target: Target): RequestHead {
  return encodeRequest(head, target, "application/connect+", "connect-");
}

/** The head of a unary call, whose body {@link encodeUnaryBody} makes. */
export function encodeUnaryRequest(head: RpcRequestHead, target: Target): RequestHead {
  return encodeRequest(head, target, "application/", "");
}

function encodeRequest(
  { path, codec, encoding, acceptEncoding, timeoutMs, metadata }: RpcRequestHead,
  { scheme, authority }: Target,
  type: string,
  prefix: string,
): RequestHead {
  const flat = ["content-type", type + codec, "connect-protocol-version", "1"];
  if (timeoutMs !== undefined) flat.push("connect-timeout-ms", formatConnectTimeout(timeoutMs));
  if (encoding !== "identity") flat.push(`${prefix}content-encoding`, encoding);
  if (acceptEncoding !== undefined) flat.push(`${prefix}accept-encoding`, acceptEncoding);
  for (const item of metadata.flat) flat.push(item);
  return { method: "POST", scheme, authority, path, fields: new Fields(flat, metadata.neverIndexed) };
}

/**
 * The message of a unary call without its prefix. The head has said by now that it is compressed, which gRPC says with each
 * message: one that is not becomes so, if `encoding` is known here.
 */
export function encodeUnaryBody(messages: Body, encoding: string, compressions: Compressions): Body {
  const known = compressions.get(encoding);
  const alike = known === undefined ? messages : recode(messages, { from: known, to: known, side: "caller" });
  return new OneMessage(alike, encoding === "identity" ? 0 : Flag.COMPRESSED);
}

const severalMessages =
  "a unary call has several messages; a stream is known for one by the backend's descriptors, where its origin speaks Connect";

class OneMessage extends Step<Fields, Fields> {
  /** What the message may be flagged with. */
  readonly #flags: number;
  #messages = 0;
  readonly #splitter = new EnvelopeSplitter({
    begin: (flags) => {
      if (this.#messages++ > 0) this.#refuse(Code.UNIMPLEMENTED, severalMessages);
      else if ((flags & ~this.#flags) !== 0) {
        this.#refuse(Code.INTERNAL, `a message has flags ${flags} that the call does not explain`);
      }
    },
    piece: (bytes) => this.give(bytes),
    complete() {},
  });

  constructor(messages: Body, flags: number) {
    super(messages);
    this.#flags = flags;
  }

  protected take(bytes: Uint8Array): void {
    this.#splitter.push(bytes);
  }

  end(trailers: Fields): void {
    if (this.#messages === 0) this.#refuse(Code.UNIMPLEMENTED, "a unary call has no message");
    else if (this.#splitter.atBoundary) this.finish(trailers);
    else this.#refuse(Code.INVALID_ARGUMENT, "the request broke off within a message");
  }

  #refuse(code: Code, message: string): void {
    this.breakOff(new CallError(code, message, { side: "caller" }));
  }
}
